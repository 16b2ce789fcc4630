"""Where a channel is written to: a URL or a file, by whatever FFmpeg can write."""

import contextlib
from collections.abc import Iterator
from typing import Final, Self
from urllib.parse import urlsplit

import av
import msgspec
from av import AudioResampler
from av.audio.stream import AudioStream
from av.error import FFmpegError

from server.media.opus import RATE_HZ, TIME_BASE, Pcm, audio_frame

#: The format for each kind of address whose name does not tell. FFmpeg announces all that it sends
#: to Icecast as MP3.
_FORMATS: Final = {
    "icecast": "mp3",
    "rtmp": "flv",
    "rtmps": "flv",
    "rtp": "rtp",
    "tcp": "mpegts",
    "udp": "mpegts",
}
#: The codec where the format's usual one is not for speech, or not what players expect.
_CODECS: Final = {
    "matroska": "libopus",
    "mp3": "libmp3lame",
    "mpegts": "aac",
    "ogg": "libopus",
    "opus": "libopus",
    "rtp": "libopus",
    "webm": "libopus",
}
_RTP_TYPE: Final = 97


class TargetError(Exception):
    """A target cannot be written. Says why, without its password."""


class Wanted(msgspec.Struct, frozen=True):
    """``address``: a URL or a path. ``format``, ``codec``: FFmpeg's names; "": by the address.
    ``bit_rate`` in bit/s."""

    address: str
    format: str = ""
    codec: str = ""
    bit_rate: int = 64_000

    @property
    def scheme(self) -> str:
        """Of a URL; "" for a file."""
        scheme, found, _ = self.address.partition("://")
        return scheme.lower() if found and scheme.lower() != "file" else ""

    @property
    def shown(self) -> str:
        """The address without what may be secret: user, password, query, a stream's key."""
        if not self.scheme:
            return self.address
        parts = urlsplit(self.address)
        host = parts.netloc.rpartition("@")[2]
        path = "" if self.scheme.startswith("rtmp") else parts.path
        return f"{parts.scheme}://{host}{path}"

    @property
    def container(self) -> str:
        """The format to write; "": FFmpeg finds it by the file's name."""
        return self.format or _FORMATS.get(self.scheme, "")

    @property
    def sdp(self) -> str:
        """What a receiver of RTP needs to know (RFC 8866, RFC 7587); "" for anything else."""
        if self.container != "rtp" or self.codec not in ("", "libopus"):
            return ""
        parts = urlsplit(self.address)
        where = f"{'IP6' if ':' in (parts.hostname or '') else 'IP4'} {parts.hostname}"
        return (
            f"v=0\no=- 0 0 IN {where}\ns=Tolk\nc=IN {where}\nt=0 0\n"
            f"m=audio {parts.port or 5004} RTP/AVP {_RTP_TYPE}\n"
            f"a=rtpmap:{_RTP_TYPE} opus/48000/2\n"
        )


class Target:
    """An open target. To be closed. Raises TargetError, on opening and while writing. Both may take
    any time: PyAV has no deadline for what it writes."""

    def __init__(self, wanted: Wanted) -> None:
        if wanted.scheme == "icecast" and wanted.container != "mp3":
            raise TargetError(f"{wanted.shown} gets MP3 only: leave --format out")
        self._wanted = wanted
        self._written = 0
        with self._told():
            container = av.open(
                wanted.address,
                "w",
                format=wanted.container or None,
                container_options={"flush_packets": "1", "rf64": "auto"},  # for WAV over 4 GiB
            )
            usual = _CODECS.get(container.format.name, container.default_audio_codec)
            stream = container.add_stream(wanted.codec or usual, RATE_HZ, layout="mono")
            assert isinstance(stream, AudioStream)
            stream.codec_context.bit_rate = wanted.bit_rate
            stream.codec_context.time_base = TIME_BASE
            container.start_encoding()
        self._container, self._stream = container, stream
        codec = stream.codec_context
        self._resampler = AudioResampler(
            codec.format, codec.layout, codec.sample_rate, frame_size=codec.frame_size or None
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def write(self, pcm: Pcm) -> None:
        """Write the next sound, mono at 48 kHz."""
        frame = audio_frame(pcm, RATE_HZ)
        frame.pts, frame.time_base = self._written, TIME_BASE
        self._written += frame.samples
        with self._told():
            for part in self._resampler.resample(frame):
                self._container.mux(self._stream.encode(part))

    def close(self) -> None:
        """Write what is left, and the file's end."""
        with self._told():
            for part in self._resampler.resample(None):
                self._container.mux(self._stream.encode(part))
            self._container.mux(self._stream.encode(None))
            self._container.close()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (FFmpegError, OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise TargetError(f"{self._wanted.shown} cannot be written: {why}") from error
