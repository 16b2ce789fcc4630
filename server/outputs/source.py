"""A channel of a running server, as its listeners hear it: the Ogg that it sends over HTTP."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Final
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import av
from av import AudioResampler
from av.error import FFmpegError

from server.media.opus import RATE_HZ, Pcm, mono

#: The server sends a packet every 20 ms, also in silence.
PATIENCE_S: Final = 10.0
#: Statuses that change by themselves.
_PASSING: Final = (408, 429)


class SourceError(Exception):
    """The server sends no sound. ``final``: it will not without a change."""

    def __init__(self, problem: str, final: bool = False) -> None:
        super().__init__(problem)
        self.final = final


@dataclass(frozen=True)
class Channel:
    """``url``: the server's. ``insecure``: accept any certificate."""

    url: str
    stream: str
    channel: str
    token: str | None = None
    insecure: bool = False

    @property
    def address(self) -> str:
        """Where the server sends it."""
        stream, channel = quote(self.stream, safe=""), quote(self.channel, safe="")
        return f"{self.url.rstrip('/')}/listen/{stream}/{channel}.ogg"

    @contextmanager
    def opened(self) -> Iterator[Iterator[Pcm]]:
        """The sound from now on, mono at 48 kHz. Raises SourceError, also from the iterator."""
        try:
            with self._answer() as answer:
                yield _frames(answer)
        except (OSError, HTTPException) as error:
            raise SourceError(f"{self.url} does not answer: {error}") from error

    def _answer(self) -> HTTPResponse:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        tls = ssl.create_default_context()
        if self.insecure:
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        try:
            request = Request(self.address, headers=headers)
            answer = urlopen(request, timeout=PATIENCE_S, context=tls)  # noqa: S310
        except HTTPError as refused:
            with refused:
                final = 400 <= refused.code < 500 and refused.code not in _PASSING
                raise SourceError(_reason(refused), final) from refused
        except ValueError as error:
            raise SourceError(f"{self.url} is not a server's address: {error}", True) from error
        assert isinstance(answer, HTTPResponse)
        return answer


def _reason(refused: HTTPError) -> str:
    """What the server says of a refusal."""
    try:
        return str(json.loads(refused.read(10_000))["message"])
    except (ValueError, KeyError, TypeError):
        return f"the server answers {refused.code} {refused.reason}"


def _frames(answer: HTTPResponse) -> Iterator[Pcm]:
    resampler = AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    try:
        with av.open(_AsItComes(answer), "r", format="ogg") as container:
            for frame in container.decode(audio=0):
                yield from map(mono, resampler.resample(frame))
    except FFmpegError as error:
        raise SourceError(f"what the server sends breaks off: {error.strerror}") from error
    raise SourceError("the server has ended the stream")


class _AsItComes:
    """A file that PyAV reads. ``HTTPResponse.read`` would wait until it has all that is asked."""

    def __init__(self, answer: HTTPResponse) -> None:
        self._answer = answer

    def read(self, size: int) -> bytes:
        return self._answer.read1(size)
