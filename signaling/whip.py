"""Joining by one HTTP request: WHIP (RFC 9725) for speakers, WHEP for listeners.

A POST is a join and an offer in one; the response is the answer. Later requests restart ICE
(PATCH), or end the session (DELETE). Messages other than the answer, such as captions, have no way
to the participant and are dropped.

- Joins and offers are checked by the same code as those on a WebSocket: see ``protocol``.
- A session's address cannot be guessed: whoever knows it may end the session.
- The participant has no socket whose end could be noticed. A speaker is gone once no audio has
  come for SILENCE_S; a listener, once it answers no ICE check.
"""

import asyncio
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Generic, cast

import msgspec

from signaling.errors import ProtocolError, excerpt
from signaling.messages import (
    Answer,
    Error,
    IceServer,
    Joined,
    Offer,
    Recorded,
    ServerMessage,
)
from signaling.outbox import Outbox
from signaling.protocol import Conversation, M, Role
from signaling.transport import IceRestart

#: A speaker from whom no audio has come for so long is gone.
SILENCE_S: Final = 15.0
#: How long an answer may take. OBS waits for 8 s.
ANSWER_S: Final = 7.5
#: An SDP fragment (RFC 8840) has some candidates, of 100 bytes each.
MAX_FRAGMENT_BYTES: Final = 16 * 1024

_FLAGS: Final = {"": False, "0": False, "false": False, "1": True, "true": True}
_CREDENTIAL: Final = re.compile(r"^a=(ice-ufrag|ice-pwd):(.*?)\r?$", re.MULTILINE)
#: RFC 8839, 5.4.
_CREDENTIALS: Final = {
    "ice-ufrag": re.compile(r"[A-Za-z0-9+/]{4,256}"),
    "ice-pwd": re.compile(r"[A-Za-z0-9+/]{22,256}"),
}
_FRAGMENT_LINE: Final = re.compile(r"[am]=[^\x00-\x1f\x7f]{1,1000}")


def whip_join(query: Mapping[str, str], token: str | None) -> dict[str, object]:
    """The join of a WHIP request: ``?language=nl``, and if wanted ``take_over=1``. Its fields are
    not checked yet. Raises ProtocolError."""
    if not query.get("language"):
        raise ProtocolError(
            "bad_message", 'the address must name what is spoken, such as "?language=nl"'
        )
    join = {"language": query["language"], "take_over": _flag(query, "take_over")}
    return join if token is None else {**join, "token": token}


def whep_join(query: Mapping[str, str], token: str | None) -> dict[str, object]:
    """The join of a WHEP request: ``?language=en``, with ``floor=1`` over the quiet original;
    without a language the original. Its fields are not checked yet. Raises ProtocolError."""
    language = query.get("language") or "floor"
    over_floor = _flag(query, "floor") and language != "floor"
    join: dict[str, object] = {"channel": f"{language}+floor" if over_floor else language}
    return join if token is None else {**join, "token": token}


def _flag(query: Mapping[str, str], name: str) -> bool:
    value = query.get(name, "")
    if value.lower() not in _FLAGS:
        raise ProtocolError("bad_message", f"?{name}= must be 1 or 0, not {excerpt(value)}")
    return _FLAGS[value.lower()]


def ice_links(servers: list[IceServer]) -> list[str]:
    """The servers as values of Link headers (RFC 9725, 4.6)."""
    return [_link(url, server) for server in servers for url in server.urls]


def _link(url: str, server: IceServer) -> str:
    link = f'<{url}>; rel="ice-server"'
    if server.username is not None:
        quoted = [
            re.sub(r'(["\\])', r"\\\1", each or "") for each in (server.username, server.credential)
        ]
        link += f'; username="{quoted[0]}"; credential="{quoted[1]}"; credential-type="password"'
    return link


class HttpTransport(Generic[M]):
    """One participant who joined by a POST. ``join``: the fields of the join; ``sdp``: the offer.

    ``address``: the last part of the session's URL. ``etag``: of its ICE session. ``error``: why it
    ended after its answer. ``recording``: what was recorded of the stream when it joined.
    Raises ProtocolError if the join or the offer is not valid.
    """

    silence_s: Final[float | None] = SILENCE_S

    def __init__(self, role: Role[M], join: Mapping[str, object], sdp: str) -> None:
        conversation = Conversation(role)
        self.outbox: Final = Outbox()
        self.error: ProtocolError | None = None
        self.address: Final = secrets.token_urlsafe(18)
        self.etag = _new_etag()
        self.ice_servers: list[IceServer] = []
        self.recording: list[Recorded] = []
        self._unread: list[M | IceRestart] = [
            conversation.receive_text(msgspec.json.encode({"type": kind, **fields}).decode())
            for kind, fields in (("join", join), ("offer", {"sdp": sdp}))
        ]
        self._credentials = _credentials(cast(Offer, self._unread[1]).sdp)
        self._answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._restart: IceRestart | None = None
        self._over = False
        self._event = asyncio.Event()

    async def receive(self) -> M | bytes | IceRestart | None:
        """The join, the offer, then ICE restarts; None once the session is to end."""
        while not self._over:
            if self._unread:
                return self._unread.pop(0)
            self._event.clear()
            await self._event.wait()
        return None

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Every error ends the session: the participant cannot correct what it sent."""
        yield

    def send(self, message: ServerMessage) -> None:
        """Take the answer. The end of the connection ends the session, as no other can be
        offered. Other messages are dropped."""
        match message:
            case Joined():
                self.ice_servers = message.ice_servers
                self.recording = message.recording
            case Answer():
                if not self._answer.done():
                    self._answer.set_result(message.sdp)
            case Error(code="timeout"):
                self._refuse(ProtocolError("unavailable", message.message, retry_after_s=1))
                self.end()

    def send_audio(self, packet: bytes) -> None:
        """Audio travels over WebRTC only: this is dropped, and counted."""
        self.outbox.dropped_audio += 1

    def close(self, error: ProtocolError) -> None:
        """End the session because of ``error``. It is the response if there was none."""
        if not self._over:
            if self._answer.done():
                self.error = error
            self._refuse(error)
            self.end()

    def end(self) -> None:
        """End the session normally."""
        self._over = True
        self._event.set()
        ended = ProtocolError("unavailable", "the session ended. Join again", retry_after_s=1)
        self._refuse(ended)
        if self._restart is not None:
            self._restart.settle(ended)

    async def answered(self) -> str:
        """Wait for the SDP answer. Raises ProtocolError."""
        try:
            async with asyncio.timeout(ANSWER_S):
                return await asyncio.shield(self._answer)
        except TimeoutError:
            late = ProtocolError(
                "unavailable", f"no answer within {ANSWER_S:g} s. Come back later", retry_after_s=2
            )
            self.close(late)
            raise late from None

    async def patch(self, fragment: str, if_match: str | None) -> str | None:
        """Carry out a PATCH. Candidates are not needed: None. New credentials restart ICE: the
        server's, as a fragment; then ``etag`` is new. Raises PatchError, ProtocolError."""
        if if_match is None:
            raise PatchError(428, "an If-Match header with the session's ETag is needed")
        tags = re.split(r"\s*,\s*", if_match.strip())
        if not {"*", '"*"', self.etag} & set(tags):  # an example of RFC 9725 has quotes
            raise PatchError(412, "the If-Match header names another ICE session than this one")
        lines = fragment.replace("\r\n", "\n").rstrip("\n").split("\n")
        if not all(map(_FRAGMENT_LINE.fullmatch, lines)):
            raise PatchError(400, "the body is not an SDP fragment (RFC 8840)")
        given = _credentials(fragment)
        if all(self._credentials[name] == value for name, value in given.items()):
            return None
        for name, pattern in _CREDENTIALS.items():
            if not pattern.fullmatch(given.get(name, "")):
                raise PatchError(400, f"an ICE restart needs a valid a={name}")
        if self._restart is not None:
            raise PatchError(409, "another ICE restart is under way")
        return await self._restarted(given)

    async def _restarted(self, given: dict[str, str]) -> str:
        """Let the session restart ICE. Raises ProtocolError."""
        answer = asyncio.get_running_loop().create_future()
        self._restart = restart = IceRestart(given["ice-ufrag"], given["ice-pwd"], answer)
        self._unread.append(restart)
        self._event.set()
        try:
            async with asyncio.timeout(ANSWER_S):
                fragment: str = await answer
        except TimeoutError:
            text = f"ICE was not restarted within {ANSWER_S:g} s. Try again"
            raise ProtocolError("unavailable", text, retry_after_s=1) from None
        finally:
            self._restart = None
            if restart in self._unread:  # nobody waits for it any more
                self._unread.remove(restart)
        self._credentials, self.etag = given, _new_etag()
        return fragment

    def _refuse(self, error: ProtocolError) -> None:
        if not self._answer.done():
            self._answer.set_exception(error)
            self._answer.exception()  # nobody may be waiting for it


class PatchError(Exception):
    """A PATCH that cannot be carried out. ``status``: of HTTP (RFC 9725, 4.3.1)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status: Final = status


def _credentials(sdp: str) -> dict[str, str]:
    """ice-ufrag and ice-pwd in an offer or a fragment."""
    return dict(_CREDENTIAL.findall(sdp))


def _new_etag() -> str:
    return f'"{secrets.token_hex(8)}"'
