"""A bus that is slow, that NATS stops for a moment, or on which others say nonsense to all."""

import asyncio
from pathlib import Path

import pytest

from server.bus import frames
from server.bus.frames import Frame, Kind
from server.bus.messages import decode, encode
from server.bus.nats import Links, NatsBus
from server.bus.nats_connection import Nats
from tests.helpers.line import line
from tests.helpers.nats import NatsProcess
from tests.helpers.waiting import until
from tests.server.bus.test_nats import CONNECTS, LISTENS, ByHand, chunk, listening, next_of
from tests.test_imports import imports

ROOT = Path(__file__).parents[3] / "server"
SENT = 20


async def test_a_slow_bus_is_late_and_loses_nothing(nats: NatsProcess) -> None:
    async with (
        listening(nats.server) as (_, media),
        line(nats.server) as slow,
        Nats.opened([slow.server], CONNECTS, "hub") as other,
    ):
        slow.delay_s = 0.3
        async with NatsBus.connect(Links(other), LISTENS, decode) as worker:
            for number in range(SENT):
                worker.publish(chunk(number))
                media.publish(chunk(number))
                await asyncio.sleep(0.1)
            assert [await next_of(media) for _ in range(SENT)] == list(map(chunk, range(SENT)))
            assert [await next_of(worker) for _ in range(SENT)] == list(map(chunk, range(SENT)))
            assert media.is_linked and worker.is_linked
            assert [*media.dropped.values(), *worker.dropped.values()] == [0] * 4


async def test_what_waits_for_a_bus_that_stands_still_is_bounded_and_counted(
    nats: NatsProcess,
) -> None:
    async with (
        listening(nats.server) as (_, media),
        line(nats.server) as still,
        Nats.opened([still.server], CONNECTS, "hub") as other,
        NatsBus.connect(Links(other), LISTENS, decode) as worker,
    ):
        still.cut = True
        sent = 400
        for number in range(sent):  # 80 MB
            worker.publish(chunk(number, size=200_000))
            await asyncio.sleep(0)
        assert worker.dropped["out"] >= sent - 100
        still.cut = False
        last = chunk(sent)
        await until(lambda: other.up and worker.is_linked or not worker.is_linked)
        if worker.is_linked:  # else the link is made anew, see test_nats
            worker.publish(last)
            while await next_of(media) != last:
                pass


async def test_an_end_that_was_late_and_did_not_notice_is_understood_again(
    nats: NatsProcess,
) -> None:
    """The machine stood still for two seconds, say. Its numbers go on, and so do those it gets."""
    async with (
        listening(nats.server) as (_, media),
        Nats.opened([nats.server], CONNECTS, "hub") as other,
    ):
        end = ByHand(other)
        await end.hello()
        media.publish(chunk(1))
        await end.message(1)
        assert await next_of(media) == chunk(1)
        await until(lambda: not media.is_linked)
        await end.send(Frame(Kind.HELLO, end.SESSION).encode())
        await until(lambda: media.is_linked)
        await end.message(1)  # again
        await end.message(2)
        assert await next_of(media) == chunk(2)
        media.publish(chunk(2))
        await until(lambda: sum(each.kind is Kind.MESSAGE for each in end.heard) == 2)
        assert [each.number for each in end.heard if each.kind is Kind.MESSAGE] == [1, 2]


async def test_nonsense_to_all_is_counted_and_harms_nobody(
    nats: NatsProcess, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[tuple[str, bytes]] = []

    def offered(sender: str, payload: bytes) -> None:
        if payload != b"here":
            decode(payload)
        heard.append((sender, payload))

    async with (
        Nats.opened([nats.server], "hall", "hub") as hall,
        Nats.opened([nats.server], "booth", "interpreter") as booth,
    ):
        links = Links(hall, offered=offered)
        newer = bytes([frames.VERSION + 1]) + Frame(Kind.OFFER).encode()[1:]
        hello = Frame(Kind.HELLO, 7).encode()
        no_text = Frame(
            Kind.OFFER, payload=encode(chunk(1)).replace(b"\xa1a", b"\xa1\xff")
        ).encode()
        for wrong in (
            newer,
            newer,
            b"",
            bytes([frames.VERSION, 0xFF, *bytes(24)]),
            hello,
            no_text,
            bytes(300_000),
        ):
            assert await booth.send_all(wrong)
        assert await Links(booth).offer(b"here")
        await until(lambda: heard == [("booth", b"here")])
        assert links.dropped == {"version": 3, "invalid": 3}
    assert caplog.text.count("install the same release") == 2  # once a version


@pytest.mark.parametrize("folder", ["bus", "cluster"])
def test_nothing_between_machines_asks_what_time_it_is(folder: str) -> None:
    """Their clocks may differ by a day. What is measured is measured by a loop's own clock."""
    paths = sorted((ROOT / folder).glob("*.py"))
    assert paths
    assert not [path.name for path in paths if {"time", "datetime"} & {*imports(path)}]
