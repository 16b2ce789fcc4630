"""Behaviour that only the bus over NATS has."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from server.bus import frames
from server.bus.addresses import NatsServer
from server.bus.credentials import Credentials
from server.bus.frames import Frame, Kind
from server.bus.messages import AudioChunk, Message, decode, encode
from server.bus.nats import Links, NatsBus
from server.bus.nats_connection import Nats
from server.bus.protocol import BusClosed
from server.http import tls
from tests.helpers.nats import NatsProcess, nats_server
from tests.helpers.waiting import until

LISTENS, CONNECTS = "listens", "connects"
DEADLINE_S = 10


def chunk(number: int, size: int = 640) -> AudioChunk:
    return AudioChunk(stream="a", epoch=1, start_sample=number * 320, pcm=bytes(size))


async def next_of(bus: NatsBus[Message]) -> Message:
    async with asyncio.timeout(DEADLINE_S):
        return await bus.receive()


@asynccontextmanager
async def listening(server: NatsServer) -> AsyncIterator[tuple[Links, NatsBus[Message]]]:
    async with Nats.opened([server], LISTENS, "interpreter") as nats:
        links = Links(nats)
        async with NatsBus.listen(links, CONNECTS, decode) as bus:
            yield links, bus


@asynccontextmanager
async def linked(server: NatsServer) -> AsyncIterator[tuple[NatsBus[Message], NatsBus[Message]]]:
    """Two ends, of which the first listens."""
    async with (
        listening(server) as (_, media),
        Nats.opened([server], CONNECTS, "hub") as nats,
        NatsBus.connect(Links(nats), LISTENS, decode) as worker,
    ):
        yield media, worker


class ByHand:
    """The connecting end of a link, whose frames a test makes."""

    SESSION = 7

    def __init__(self, nats: Nats) -> None:
        self.heard: list[Frame] = []
        self._nats = nats
        nats.receive = lambda _, data: self.heard.append(frames.decode(data))

    async def hello(self) -> None:
        await self.send(Frame(Kind.HELLO, self.SESSION).encode())
        await until(lambda: bool(self.heard))

    async def send(self, data: bytes) -> None:
        assert await self._nats.send(LISTENS, data)

    async def message(self, number: int) -> None:
        payload = encode(chunk(number))
        frame = Frame(Kind.MESSAGE, self.SESSION, self.heard[0].sender, number, payload)
        await self.send(frame.encode())


async def test_another_version_is_dropped_counted_and_said_once(
    nats: NatsProcess, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        listening(nats.server) as (links, media),
        Nats.opened([nats.server], CONNECTS, "hub") as other,
    ):
        newer = bytes([frames.VERSION + 1]) + Frame(Kind.HELLO, 7).encode()[1:]
        for _ in range(3):
            assert await other.send(LISTENS, newer)
        await until(lambda: links.dropped["version"] == 3)
        assert not media.is_linked
    said = [each.message for each in caplog.records if "version 3" in each.message]
    assert len(said) == 1 and "same release" in said[0]


async def test_what_is_no_frame_or_no_message_harms_nobody(nats: NatsProcess) -> None:
    async with (
        listening(nats.server) as (links, media),
        Nats.opened([nats.server], CONNECTS, "hub") as other,
    ):
        end = ByHand(other)
        await end.hello()
        for broken in (
            b"",
            bytes([frames.VERSION]),
            bytes([frames.VERSION, 0xFF, *bytes(24)]),
            bytes(300_000),
        ):
            await end.send(broken)
        no_text = encode(chunk(1)).replace(b"\xa1a", b"\xa1\xff")
        for number, payload in enumerate((b"\xc1", no_text), 1):
            wrong = Frame(Kind.MESSAGE, end.SESSION, end.heard[0].sender, number, payload)
            await end.send(wrong.encode())
        await end.message(3)
        assert await next_of(media) == chunk(3)
        assert links.dropped == {"version": 1, "invalid": 5}


async def test_a_fault_of_whoever_hears_is_logged_and_hearing_goes_on(
    nats: NatsProcess, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[bytes] = []

    def hear(sender: str, data: bytes) -> None:
        if data == b"confidential":
            raise ValueError(data)
        heard.append(data)

    async with (
        Nats.opened([nats.server], LISTENS, "interpreter") as one,
        Nats.opened([nats.server], CONNECTS, "hub") as other,
    ):
        one.receive = hear
        for data in (b"confidential", b"next"):
            assert await other.send(LISTENS, data)
        await until(lambda: heard == [b"next"])
    assert "ValueError" in caplog.text
    assert "confidential" not in caplog.text


async def test_a_bus_that_loses_doubles_and_reorders(nats: NatsProcess) -> None:
    """What arrives is in order and comes once; what is missing is counted."""
    async with (
        listening(nats.server) as (_, media),
        Nats.opened([nats.server], CONNECTS, "hub") as other,
    ):
        end = ByHand(other)
        await end.hello()
        for number in (1, 3, 3, 2, 6):
            await end.message(number)
        assert [await next_of(media) for _ in range(3)] == [chunk(1), chunk(3), chunk(6)]
        assert media.dropped["in"] == 3


async def test_messages_of_another_session_are_not_taken(nats: NatsProcess) -> None:
    async with (
        listening(nats.server) as (_, media),
        Nats.opened([nats.server], CONNECTS, "hub") as other,
    ):
        end = ByHand(other)
        await end.hello()
        good = Frame(Kind.MESSAGE, end.SESSION, end.heard[0].sender, 1, encode(chunk(0)))
        await end.send(good._replace(sender=8).encode())
        await end.send(good._replace(receiver=8).encode())
        await end.message(1)
        assert await next_of(media) == chunk(1)


async def test_a_new_session_does_not_get_what_was_for_the_last(nats: NatsProcess) -> None:
    async with (
        listening(nats.server) as (_, media),
        Nats.opened([nats.server], CONNECTS, "hub") as other,
    ):
        end = ByHand(other)
        await end.hello()
        await end.send(Frame(Kind.HELLO, 8).encode())
        for number in range(30):  # more than is sent before the new session is known
            media.publish(chunk(number, size=200_000))
        welcome = Frame(Kind.WELCOME, end.heard[0].sender, 8)
        await until(lambda: welcome in end.heard)
        media.publish(chunk(99))
        last = welcome._replace(kind=Kind.MESSAGE, number=1, payload=encode(chunk(99)))
        await until(lambda: last in end.heard)
        assert not any(each.receiver == 8 for each in end.heard[: end.heard.index(welcome)])


async def test_an_end_that_vanishes_without_a_word_is_gone_soon(nats: NatsProcess) -> None:
    async with (
        listening(nats.server) as (_, media),
        Nats.opened([nats.server], CONNECTS, "hub") as other,
    ):
        await ByHand(other).hello()
        assert media.is_linked
        await until(lambda: not media.is_linked, 5)
        media.publish(chunk(0))
        assert media.dropped["out"] == 1


async def test_nats_may_be_killed_and_started_under_a_link(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with nats_server(tmp_path) as process:
        async with linked(process.server) as (media, worker):
            process.kill()
            await until(lambda: "is gone" in caplog.text)
            for number in range(10):
                media.publish(chunk(number))
            assert media.dropped["out"] == 10
            process.start()
            await until(lambda: caplog.text.count("connected to NATS") == 4)
            media.publish(chunk(10))
            assert await next_of(worker) == chunk(10)
            worker.publish(chunk(11))
            assert await next_of(media) == chunk(11)


async def test_a_link_ends_if_nats_stays_away(tmp_path: Path) -> None:
    with nats_server(tmp_path) as process:
        async with linked(process.server) as (_, worker):
            process.kill()
            with pytest.raises(BusClosed):
                await next_of(worker)


async def test_nobody_to_connect_to_is_said(nats: NatsProcess) -> None:
    async with Nats.opened([nats.server], CONNECTS, "hub") as other:
        with pytest.raises(ConnectionRefusedError, match="no answer from listens"):
            async with NatsBus.connect(Links(other), LISTENS, decode):
                pass


async def test_a_message_that_is_too_large_for_nats_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with nats_server(tmp_path, max_payload=100_000) as process:
        async with linked(process.server) as (media, worker):
            media.publish(chunk(0, size=200_000))
            media.publish(chunk(1))
            assert await next_of(worker) == chunk(1)
            assert (media.dropped["out"], worker.dropped["in"]) == (1, 0)
    assert "raise max_payload" in caplog.text


async def test_a_wrong_password_is_said_and_never_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with nats_server(tmp_path, authorization={"user": "tolk", "password": "right-one"}) as process:
        refused = NatsServer("127.0.0.1", process.port, False, Credentials("tolk", "wrong-one"))
        async with Nats.opened([refused], LISTENS, "interpreter") as nats:
            assert not nats.up and not await nats.send(CONNECTS, b"")
        good = NatsServer("127.0.0.1", process.port, False, Credentials("tolk", "right-one"))
        async with Nats.opened(
            [refused, good], LISTENS, "interpreter"
        ) as nats:  # servers are tried in turn
            assert nats.up
    assert "refuses the user or password" in caplog.text
    assert "wrong-one" not in caplog.text and "right-one" not in caplog.text


async def test_no_secret_is_sent_to_a_server_that_offers_no_tls(
    caplog: pytest.LogCaptureFixture,
) -> None:
    got = bytearray()

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"auth_required": true}\r\n')
        got.extend(await reader.read())
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        asked = NatsServer("127.0.0.1", port, True, Credentials("tolk", "secret-one"))
        async with Nats.opened([asked], LISTENS, "interpreter") as nats:
            assert not nats.up
    assert b"secret-one" not in got
    assert "offers no TLS" in caplog.text


async def test_an_encrypted_connection_to_a_server_that_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tls.self_signed(tmp_path, ["127.0.0.1"])
    pem = str(tmp_path / "self-signed.pem")
    with nats_server(tmp_path, tls={"cert_file": pem, "key_file": pem}) as process:
        server = NatsServer("127.0.0.1", process.port, tls=True)
        async with Nats.opened([server], LISTENS, "interpreter") as nats:
            assert not nats.up
        assert "no certificate that is trusted" in caplog.text
        monkeypatch.setenv("SSL_CERT_FILE", pem)
        async with Nats.opened([server], LISTENS, "interpreter") as nats:
            assert nats.up
