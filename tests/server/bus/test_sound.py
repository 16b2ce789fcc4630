"""Sound from hubs to all edges that hear it, over a real NATS server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from server.bus import hub_messages, sound
from server.bus.addresses import NatsServer
from server.bus.frames import Frame, Kind
from server.bus.hub_messages import ChannelAt, Packet
from server.bus.nats import Links
from server.bus.nats_connection import Nats
from server.bus.sound import SoundIn, SoundOut
from tests.helpers.edges import seen_to_edges
from tests.helpers.line import line
from tests.helpers.nats import NatsProcess, nats_server
from tests.helpers.waiting import until

FLOOR, ENGLISH = ChannelAt("hall", "s", "floor"), ChannelAt("hall", "s", "pt-BR+floor")


def packet(tick: int) -> Packet:
    return Packet(tick, b"\xf8\xff\xfe", begins_speech=tick == 1)


class Edge:
    """An edge that only hears."""

    def __init__(self, nats: Nats) -> None:
        self.nats = nats
        self.links = Links(nats)
        self.sound = SoundIn(self.links)
        self.heard: list[tuple[ChannelAt, Packet]] = []
        self.sound.on_packet = lambda *what: self.heard.append(what)

    @property
    def ticks(self) -> list[int]:
        return [each.tick for _, each in self.heard]

    async def hears(self, *channels: ChannelAt, session: int) -> None:
        """Hear these channels and no others."""
        self.sound.hear(dict.fromkeys(channels, session))
        assert await self.nats.send_all(b"")  # as it asks a hub for them
        await self.nats.flush()


@asynccontextmanager
async def edge(server: NatsServer, name: str) -> AsyncIterator[Edge]:
    async with Nats.opened([server], name, "edge") as nats:
        yield Edge(nats)


@asynccontextmanager
async def hub(server: NatsServer) -> AsyncIterator[tuple[Nats, SoundOut]]:
    async with Nats.opened([server], "hall", "origin") as nats, SoundOut.opened(nats) as out:
        yield nats, out


async def test_each_packet_is_sent_once_however_many_edges_hear_it(nats: NatsProcess) -> None:
    async with (
        seen_to_edges(nats.server) as seen,
        hub(nats.server) as (_, out),
        edge(nats.server, "one") as one,
        edge(nats.server, "other") as other,
        edge(nats.server, "third") as third,
    ):
        await one.hears(FLOOR, ENGLISH, session=out.session)
        await other.hears(FLOOR, session=out.session)
        for number in (1, 2, 3):
            out.send("s", "floor", number, packet(number))
            out.send("s", "pt-BR+floor", number, packet(number))
        await until(lambda: (len(one.heard), len(other.heard)) == (6, 3))
        assert [each for each in one.heard if each[0] == ENGLISH] == [
            (ENGLISH, packet(number)) for number in (1, 2, 3)
        ]
        assert other.heard == [(FLOOR, packet(number)) for number in (1, 2, 3)]
        await until(lambda: len(seen.packets) == 6)
        assert seen.copies("s") == {1} and not third.heard and out.dropped == 0


async def test_nothing_of_what_is_asked_for_is_missed(nats: NatsProcess) -> None:
    """A hub that sends as soon as it is asked is heard from its first packet on."""
    channels = [ChannelAt("hall", "s", f"l{number}") for number in range(20)]
    async with (
        hub(nats.server) as (connection, out),
        line(nats.server) as to_nats,
        edge(to_nats.server, "one") as one,
    ):
        connection.receive = lambda _, asked: out.send("s", asked.decode(), 1, packet(1))
        for count, channel in enumerate(channels, 1):
            one.sound.hear(dict.fromkeys(channels[:count], out.session))
            assert await one.nats.send("hall", channel.channel.encode())
        await until(lambda: len(one.heard) == len(channels))
        for channel in channels:
            subscribed = f"SUB tolk.sound.hall.s.{channel.channel} ".encode()
            asked = f"\r\n{channel.channel}\r\n".encode()
            assert 0 < to_nats.passed.index(subscribed) < to_nats.passed.index(asked)


async def test_an_edge_that_does_not_hear_a_channel_any_more_gets_nothing(
    nats: NatsProcess,
) -> None:
    async with (
        hub(nats.server) as (_, out),
        edge(nats.server, "one") as one,
        edge(nats.server, "other") as other,
    ):
        for each in (one, other):
            await each.hears(FLOOR, session=out.session)
        out.send("s", "floor", 1, packet(1))
        await until(lambda: bool(one.heard and other.heard))
        await one.hears(session=out.session)
        out.send("s", "floor", 2, packet(2))
        await until(lambda: other.ticks == [1, 2])
        await one.nats.flush()
        assert one.ticks == [1] and one.nats.client is not None
        assert one.nats.client.stats["in_msgs"] == 1


async def test_sound_goes_on_after_nats_was_killed(tmp_path: Path) -> None:
    with nats_server(tmp_path) as process:
        async with hub(process.server) as (connection, out), edge(process.server, "one") as one:
            await one.hears(FLOOR, session=out.session)
            out.send("s", "floor", 1, packet(1))
            await until(lambda: one.ticks == [1])
            process.kill()
            await until(lambda: not connection.up and not one.nats.up)
            out.send("s", "floor", 2, packet(2))
            assert out.dropped == 1
            process.start()
            async with asyncio.timeout(10):
                await connection.connected()
                await one.nats.connected()
            out.send("s", "floor", 3, packet(3))
            await until(lambda: one.ticks == [1, 3])
            assert one.sound.dropped["in"] == 1


async def test_what_another_session_sends_is_dropped_and_counted(nats: NatsProcess) -> None:
    async with (
        hub(nats.server) as (_, old),
        hub(nats.server) as (_, new),
        edge(nats.server, "one") as one,
    ):
        await one.hears(FLOOR, session=old.session)
        old.send("s", "floor", 1, packet(1))
        await until(lambda: one.ticks == [1])
        await one.hears(FLOOR, session=new.session)
        old.send("s", "floor", 2, packet(2))
        await until(lambda: one.sound.dropped["fenced"] == 1)
        new.send("s", "floor", 9, packet(3))
        await until(lambda: one.ticks == [1, 3])
        assert one.sound.dropped == {"in": 0, "fenced": 1, "unheard": 0}


async def test_what_is_lost_is_counted_and_numbers_may_begin_again(nats: NatsProcess) -> None:
    async with hub(nats.server) as (_, out), edge(nats.server, "one") as one:
        await one.hears(FLOOR, ENGLISH, session=out.session)
        for number in (7, 8, 11, 1, 2, 4):
            out.send("s", "floor", number, packet(number))
        out.send("s", "pt-BR+floor", 100, packet(100))
        await until(lambda: one.ticks == [7, 8, 11, 1, 2, 4, 100])
        assert one.sound.dropped["in"] == 2 + 1


async def test_packets_that_are_none_are_dropped_and_said_once(
    nats: NatsProcess, caplog: pytest.LogCaptureFixture
) -> None:
    async with hub(nats.server) as (connection, out), edge(nats.server, "one") as one:
        await one.hears(FLOOR, session=out.session)
        for wrong in (
            Packet(-1, b"\xf8"),
            Packet(2**60, b"\xf8"),
            Packet(1, bytes(2000)),
            Packet(1, b""),
        ):
            out.send("s", "floor", 1, wrong)
        good = Frame(Kind.SOUND, out.session, 0, 1, hub_messages.encode_packet(packet(1)))
        subject = "tolk.sound.hall.s.floor"
        for odd in (b"", good._replace(payload=b"\xc1").encode()):
            assert await connection.publish(subject, odd)
        assert await connection.publish(subject, good._replace(kind=Kind.MESSAGE).encode())
        assert await connection.publish(subject, good.encode())
        await until(lambda: one.ticks == [1])
        assert one.links.dropped == {"version": 0, "invalid": 6}
        assert one.sound.dropped["fenced"] == 1
    assert caplog.text.count("a packet of sound that is none") <= 5


async def test_an_edge_hears_a_bounded_number_of_channels(
    nats: NatsProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound, "MOST_CHANNELS", 1)
    async with hub(nats.server) as (_, out), edge(nats.server, "one") as one:
        await one.hears(FLOOR, ENGLISH, session=out.session)
        out.send("s", "pt-BR+floor", 1, packet(1))
        out.send("s", "floor", 1, packet(2))
        await until(lambda: one.heard == [(FLOOR, packet(2))])
        assert one.sound.dropped["unheard"] == 1
