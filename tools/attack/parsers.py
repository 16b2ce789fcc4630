"""The parsers of what comes from outside, for ``grammar``: each with inputs to begin with."""

import argparse
import asyncio
import inspect
import io
import shutil
import socket
import struct
import tempfile
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final, cast
from urllib.parse import parse_qsl

import aioice.stun
import aiortc.rtp
import msgspec
from aiortc.rtp import RtcpPacket

from server import settings
from server.config import ConfigError
from server.interpretation import glossary
from server.media import guard, ice, port, red, rtp, sdp, transport
from server.models import unpack
from server.models.disk import FetchError
from signaling import offer, protocol, whip
from signaling.errors import ProtocolError
from tools.attack.mutation import Mutator
from tools.attack.nonsense import check, hello
from tools.attack.nonsense import rtcp as some_rtcp
from tools.attack.nonsense import rtp as some_rtp

ADDRESS: Final = ("127.0.0.1", 9)
LANGUAGES: Final = ("nl", "en", "de", "fr")
MOST_UNPACKED: Final = 100_000
_USER, _PASSWORD = "them", "w" * 22
_ROLES: Final[tuple[protocol.Role[Any], ...]] = (
    protocol.SPEAKER, protocol.LISTENER, protocol.TALK, protocol.INTERPRETER,
)  # fmt: skip


@dataclass(frozen=True)
class Parser:
    """``read`` parses, and raises only ``expected`` for what it refuses. ``files``: those whose
    coverage guides. ``words``: what the grammar consists of. ``is_text``: it has lines."""

    name: str
    read: Callable[[bytes], object]
    expected: tuple[type[Exception], ...]
    seeds: Sequence[bytes]
    files: Sequence[Path]
    words: Sequence[bytes] = ()
    is_text: bool = False
    most_bytes: int = 16 * 1024


@asynccontextmanager
async def parsers() -> AsyncIterator[list[Parser]]:
    """All parsers, to be used inside."""
    mutator = Mutator(1)
    connection = transport.new_connection()
    connection.addTransceiver("audio", direction="sendrecv")
    described = (await connection.createOffer()).sdp
    await connection.close()
    with tempfile.TemporaryDirectory() as folder:
        yield [
            *(_sdp(described), _stun(mutator), _rtp(mutator), _rtcp(mutator), _json(described)),
            *(_whip(described), _zip(Path(folder)), _toml(Path(folder))),
        ]


def _files(*modules: ModuleType) -> list[Path]:
    return [Path(inspect.getfile(each)) for each in modules]


def _sdp(described: str) -> Parser:
    def read(data: bytes) -> None:
        sdp.read(offer.check(data.decode(errors="replace"), "sendrecv"))

    red_too = described.replace(
        "a=rtpmap", "a=rtpmap:63 red/48000/2\r\na=fmtp:63 96/96\r\na=rtpmap", 1
    )
    video = "m=video 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:7\r\na=rtpmap:97 VP8/90000\r\n"
    seeds = [each.encode() for each in (described, red_too, described + video)]
    words = [b"a=", b"m=audio", b"\r\n", b"a=group:BUNDLE ", b"a=fmtp:"]
    return Parser("sdp", read, (ProtocolError,), seeds, _files(offer, sdp), words, True)


class _Nowhere:
    """A socket of the server that sends nothing."""

    socket = cast(socket.socket, None)

    def send(self, data: bytes, address: ice.Address) -> None:
        pass

    def claim(self, address: ice.Address, ice: ice.Ice) -> bool:
        return True

    def release(self, address: ice.Address, ice: ice.Ice) -> None:
        pass

    def limit(self) -> str:
        return ""


def _stun(mutator: Mutator) -> Parser:
    """A participant whose address is known, so that every message is read. Each is also read with
    a right signature."""
    participant, end = ice.Ice(_USER, _PASSWORD, lambda: None), _Nowhere()
    name = f"{participant.username}:{_USER}"
    seeds = [check(name, participant.password, mutator) for _ in range(20)]
    for each in seeds:
        participant.take_request(each, end, ADDRESS)

    def read(data: bytes) -> None:
        if data and guard.is_stun(data):
            port.username(data)
            participant.take_request(data, end, ADDRESS)
            participant.take_response(data, end, ADDRESS)
            with suppress(ValueError, LookupError, struct.error, TypeError):  # of our signing
                participant.take_request(_signed(data, name, participant.password), end, ADDRESS)
        elif data:
            guard.without_unwanted(data, True)

    response = bytes(aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.RESPONSE))
    return Parser(
        "stun", read, (), [*seeds, response, hello()], _files(ice, port, guard, aioice.stun)
    )


def _signed(data: bytes, name: str, password: str) -> bytes:
    """A message as a participant might send it, who knows the password."""
    message = aioice.stun.parse_message(data)
    for each in ("MESSAGE-INTEGRITY", "FINGERPRINT"):
        message.attributes.pop(each, None)
    message.attributes["USERNAME"] = name
    message.add_message_integrity(password.encode())
    return bytes(message)


def _rtp(mutator: Mutator) -> Parser:
    def read(data: bytes) -> None:
        packet = rtp.parsed(data)
        if packet is not None:
            with suppress(ValueError):
                red.unpacked(packet.payload)

    copies = red.packed(96, [(960, b"one"), (480, b"two")], b"three")
    seeds = [some_rtp(mutator) for _ in range(20)] + [rtp.packed(7, 960, copies)]
    return Parser("rtp", read, (), seeds, _files(rtp, red), most_bytes=guard.MAX_DATAGRAM)


def _rtcp(mutator: Mutator) -> Parser:
    """The errors are those that ``transport`` expects of aiortc's parser."""
    seeds = [some_rtcp(7, mutator) for _ in range(40)]
    expected = transport.MALFORMED_RTCP
    return Parser(
        "rtcp", RtcpPacket.parse, expected, seeds, _files(aiortc.rtp), most_bytes=guard.MAX_DATAGRAM
    )  # fmt: skip


def _json(described: str) -> Parser:
    """All roles; each reads the lines as its messages, and the whole as a glossary."""

    def read(data: bytes) -> None:
        text = data.decode(errors="replace")
        for role in _ROLES:
            conversation = protocol.Conversation(role)
            for line in text.split("\n")[:5]:
                with suppress(ProtocolError):
                    conversation.receive_text(line)
        glossary.read(data, "json", LANGUAGES)

    offered = msgspec.json.encode({"type": "offer", "sdp": described})
    seeds = [
        b'{"type": "join", "language": "nl", "audio": "socket"}\n' + offered + b'\n{"type": "end"}',
        b'{"type": "join", "channel": "en+floor", "captions": ["en"]}\n{"type": "select"}',
        b'{"type": "join", "language": "nl", "target": "en"}\n{"type": "ping"}',
        b'{"type": "join", "name": "Anna", "audio": "webrtc"}\n{"type": "on_air", "on": true}',
        b'{"names": ["Ede"], "words": {"nl": ["a"]}, "terms": [{"nl": "het huis", "en": "house"}]}',
    ]
    words = [b'{"type":', b"[" * 50, b'"\\ud800"', b"null", b"1e999", b"}", b'"resume":', b"\n"]
    files = _files(protocol, glossary, offer)
    return Parser("json", read, (glossary.GlossaryError,), seeds, files, words, True, 64 * 1024)


def _whip(described: str) -> Parser:
    """The first line is the query of a join, the second an If-Match header; the rest is an SDP
    fragment."""
    session = whip.HttpTransport(protocol.TALK, {"language": "nl", "target": "en"}, described)

    def read(data: bytes) -> None:
        query, _, rest = data.decode(errors="replace").partition("\n")
        matches, _, fragment = rest.partition("\n")
        given: Mapping[str, str] = dict(parse_qsl(query))
        for join in (whip.whip_join, whip.whep_join):
            with suppress(ProtocolError):
                join(given, None)
        _begin(session.patch(fragment, matches))

    part = b"language=nl&take_over=1\n*\na=ice-ufrag:abcd\r\na=ice-pwd:" + b"p" * 22 + b"\r\n"
    candidate = b"m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n"
    expected = (whip.PatchError, ProtocolError)
    words = [b"a=ice-ufrag:", b"a=ice-pwd:", b"&floor=1", b'"*", ', b"\r\n"]
    return Parser("whip", read, expected, [part, part + candidate], _files(whip), words, True)


def _begin(coroutine: Any) -> None:
    """Run a coroutine up to where it waits, and end it there."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    finally:
        with suppress(asyncio.CancelledError, RuntimeError):
            coroutine.close()


def _zip(folder: Path) -> Parser:
    archive, out = folder / "model.zip", folder / "out"

    def read(data: bytes) -> None:
        archive.write_bytes(data)
        shutil.rmtree(out, ignore_errors=True)
        unpack.unpack(archive, out)

    seeds = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as made:
            made.writestr("model/am/final.mdl", b"model " * 50)
            made.writestr("model/README", b"words")
        seeds.append(file.getvalue())
    words = [b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"../", b"\xff\xff\xff\xff"]
    files = _files(unpack, zipfile)
    return Parser("zip", read, (FetchError,), seeds, files, words, most_bytes=MOST_UNPACKED)


def _toml(folder: Path) -> Parser:
    """A file of settings, and a glossary."""
    file = folder / "tolk.toml"
    options = argparse.Namespace(config=str(file), settings=None)

    def read(data: bytes) -> None:
        file.write_bytes(data)
        with suppress(ConfigError):
            settings.load(options, {})
        glossary.read(data, "toml", LANGUAGES)

    seeds = [
        b'host = "0.0.0.0"\nport = 8080\nallowed_origins = ["https://a.example"]\nrecord_days = 1',
        b'names = ["Van der Steen"]\n[words]\nnl = ["een"]\n[[terms]]\nnl = "het verbond"\n'
        b'en = "covenant"\nde = "der Bund"\n',
    ]
    words = [b"[[", b"]]", b'"""', b"'''", b"= inf", b"{", b"\\u0000", b"[" * 50, b"a.b.c = 1\n"]
    expected = (glossary.GlossaryError,)
    return Parser(
        "toml", read, expected, seeds, _files(settings, glossary), words, True, glossary.MAX_BYTES
    )  # fmt: skip
