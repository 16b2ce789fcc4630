"""What the user called a source, as FFmpeg wants it."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

#: How long FFmpeg looks at a source before it decides what is in it, in microseconds.
ANALYSE_US: Final = "1000000"
#: Bytes that the kernel keeps of a UDP source while the reader is busy. Its default holds 0.3 s of
#: the packets of AES67.
UDP_BYTES: Final = "1048576"
#: What an SDP file may lead to, and how.
SDP: Final = {
    "protocol_whitelist": "file,http,https,tls,tcp,udp,rtp,rtcp,srtp,crypto,data",
    "buffer_size": UDP_BYTES,
}
#: Protocols whose sound a running FFmpeg has to fetch: PyAV's libraries do not have them.
BY_FFMPEG: Final = ("srt", "rist")
#: ALSA's names for devices, which need no prefix.
DEVICES: Final = ("hw:", "plughw:", "dsnoop:", "sysdefault:")


class AddressError(Exception):
    """The source's address cannot be used. The message says why."""


class Address(msgspec.Struct, frozen=True):
    """A source. ``url``, ``format`` and ``options`` are for FFmpeg; ``format`` is None if it is to
    find out itself. ``shown``: the address without password and query, for messages. ``is_file``:
    it is a file on this machine, which ends. ``listens``: the source is to connect to us.
    ``by_ffmpeg``: only the ``ffmpeg`` command can read it.
    """

    url: str
    shown: str
    format: str | None = None
    options: dict[str, str] = {}
    is_file: bool = False
    listens: bool = False
    by_ffmpeg: bool = False


def address(text: str, listen: bool = False) -> Address:
    """The source that the user means by ``text``: a URL, a path, or an ALSA device.
    ``listen``: wait for the source to connect (RTMP, TCP, HTTP). Raises AddressError."""
    path = Path(text)
    if path.exists() and not path.is_dir():
        return _file(path)
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if scheme == "alsa" or text == "default" or text.startswith(DEVICES):
        device = rest if scheme == "alsa" else text
        return Address(device or "default", text, "alsa")
    if not colon or not rest.startswith("//"):
        raise AddressError(f"there is no file {text!r}; an address begins with udp://, say")
    return _remote(text, scheme, listen)


def _file(path: Path) -> Address:
    if path.suffix.lower() == ".sdp":
        return Address(str(path), str(path), "sdp", {"analyzeduration": ANALYSE_US, **SDP})
    if not path.is_file():  # a named pipe, or a device
        return Address(str(path), str(path))
    return Address(f"file:{path}", str(path), is_file=True)


def _remote(url: str, scheme: str, listen: bool) -> Address:
    options = {"analyzeduration": ANALYSE_US}
    shown = _without_secrets(url)
    match scheme:
        case "udp" | "rtp":
            options |= {"buffer_size": UDP_BYTES, "overrun_nonfatal": "1"}
        case "rtsp" | "rtsps":
            options |= {"rtsp_flags": "listen" if listen else "prefer_tcp"}
            options |= {"allowed_media_types": "audio", "buffer_size": UDP_BYTES}
        case "rtmp" | "rtmps" | "tcp" | "http" if listen:
            options |= {"listen": "1"}
    if listen and scheme not in ("rtmp", "rtmps", "tcp", "http", "rtsp"):
        raise AddressError(f"{scheme}:// needs no --listen; it is for rtmp, rtsp, tcp and http")
    sdp = urlsplit(url).path.lower().endswith(".sdp") and scheme in ("http", "https")
    if sdp:
        options |= SDP
    return Address(
        url,
        shown,
        "sdp" if sdp else None,
        options,
        listens=listen or "mode=listener" in url,
        by_ffmpeg=scheme in BY_FFMPEG,
    )


def _without_secrets(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise AddressError(f"this address cannot be read: {error}") from error
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
