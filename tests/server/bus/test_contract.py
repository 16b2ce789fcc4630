"""The guarantees of every bus. For a new bus, add an entry to BUSES."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from server.bus.local import LocalBus
from server.bus.messages import MAX_MESSAGE_BYTES, AudioChunk, Caption, Message, decode
from server.bus.nats import Links, NatsBus
from server.bus.nats_connection import Nats, machine_name
from server.bus.protocol import Bus, BusClosed
from tests.helpers.nats import NatsProcess

DEADLINE_S = 10


@dataclass
class Ends:
    """How to connect to one bus from both sides."""

    media: Callable[[], AbstractAsyncContextManager[Bus[Message]]]
    worker: Callable[[], AbstractAsyncContextManager[Bus[Message]]]


def local(request: pytest.FixtureRequest) -> Ends:
    path = request.getfixturevalue("tmp_path") / "bus"
    return Ends(
        media=lambda: LocalBus.listen(path, decode), worker=lambda: LocalBus.connect(path, decode)
    )


def over_nats(request: pytest.FixtureRequest) -> Ends:
    process: NatsProcess = request.getfixturevalue("nats")
    servers = [process.server]
    media, worker = machine_name(), machine_name()

    @asynccontextmanager
    async def listen() -> AsyncIterator[Bus[Message]]:
        async with (
            Nats.opened(servers, media, "interpreter") as nats,
            NatsBus.listen(Links(nats), worker, decode) as bus,
        ):
            yield bus

    @asynccontextmanager
    async def connect() -> AsyncIterator[Bus[Message]]:
        async with (
            Nats.opened(servers, worker, "hub") as nats,
            NatsBus.connect(Links(nats), media, decode) as bus,
        ):
            yield bus

    return Ends(media=listen, worker=connect)


BUSES = {"local": local, "nats": over_nats}


@pytest.fixture(params=BUSES)
def ends(request: pytest.FixtureRequest) -> Ends:
    return BUSES[request.param](request)


@asynccontextmanager
async def both(ends: Ends) -> AsyncIterator[tuple[Bus[Message], Bus[Message]]]:
    """A connected media side and worker side."""
    async with ends.media() as media, ends.worker() as worker:
        await meet(media, worker)
        yield media, worker


async def meet(media: Bus[Message], worker: Bus[Message]) -> None:
    worker.publish(chunk(-1))
    assert await next_of(media) == chunk(-1)


async def next_of(bus: Bus[Message]) -> Message:
    async with asyncio.timeout(DEADLINE_S):
        return await bus.receive()


async def take(bus: Bus[Message], count: int) -> list[Message]:
    return [await next_of(bus) for _ in range(count)]


def chunk(number: int, stream: str = "a", size: int = 640) -> AudioChunk:
    return AudioChunk(stream=stream, epoch=1, start_sample=number * 320, pcm=bytes(size))


async def test_a_message_arrives_as_it_was_sent(ends: Ends) -> None:
    said = Caption(
        stream="a",
        epoch=2,
        language="nl",
        segment=3,
        revision=1,
        status="final",
        start_sample=0,
        end_sample=16_000,
        text="goedemorgen",
    )
    async with both(ends) as (media, worker):
        media.publish(chunk(0))
        worker.publish(said)
        assert (await next_of(worker), await next_of(media)) == (chunk(0), said)


async def test_messages_of_each_stream_arrive_in_order_and_once(ends: Ends) -> None:
    streams = [f"s{number}" for number in range(20)]
    async with both(ends) as (media, worker):
        for number in range(50):
            for stream in streams:
                media.publish(chunk(number, stream))
        arrived = await take(worker, 20 * 50)
        for stream in streams:
            mine = [message for message in arrived if message.stream == stream]
            assert mine == [chunk(number, stream) for number in range(50)]


async def test_the_largest_message_passes_and_a_larger_one_is_refused(ends: Ends) -> None:
    fits = chunk(0, size=MAX_MESSAGE_BYTES - 100)
    async with both(ends) as (media, worker):
        with pytest.raises(ValueError, match="at most"):
            media.publish(chunk(0, size=MAX_MESSAGE_BYTES))
        media.publish(fits)
        assert await next_of(worker) == fits


async def test_a_slow_reader_loses_the_oldest_and_every_loss_is_counted(ends: Ends) -> None:
    sent = 400
    async with both(ends) as (media, worker):
        for number in range(sent):  # 80 MB: more than both sides together may hold
            media.publish(chunk(number, size=200_000))
            await asyncio.sleep(0)
        arrived = [await next_of(worker)]
        while arrived[-1] != chunk(sent - 1, size=200_000):
            arrived.append(await next_of(worker))
        numbers = [m.start_sample // 320 for m in arrived if isinstance(m, AudioChunk)]
        assert numbers == sorted(set(numbers))
        assert len(numbers) + media.dropped["out"] + worker.dropped["in"] == sent
        assert len(numbers) < sent


async def test_messages_without_a_receiver_are_dropped_and_counted(ends: Ends) -> None:
    async with ends.media() as media:
        for number in range(10):
            media.publish(chunk(number))
        async with ends.worker() as worker:
            await meet(media, worker)
            media.publish(chunk(10))
            assert await next_of(worker) == chunk(10)
            assert media.dropped["out"] == 10


async def test_a_worker_learns_that_the_media_process_is_gone(ends: Ends) -> None:
    async with AsyncExitStack() as worker_lives:
        async with ends.media() as media:
            worker = await worker_lives.enter_async_context(ends.worker())
            await meet(media, worker)
        with pytest.raises(BusClosed):
            await next_of(worker)
        worker.publish(chunk(0))
        assert worker.dropped["out"] == 1


async def test_the_media_side_outlives_its_workers(ends: Ends) -> None:
    async with ends.media() as media:
        for _ in range(3):
            async with ends.worker() as worker:
                await meet(media, worker)
                media.publish(chunk(1))
                assert await next_of(worker) == chunk(1)


async def test_messages_sent_before_a_worker_ended_still_arrive(ends: Ends) -> None:
    async with ends.media() as media:
        async with ends.worker() as worker:
            for number in range(6):  # more than the kernel takes at once
                worker.publish(chunk(number, size=50_000))
        assert await take(media, 6) == [chunk(number, size=50_000) for number in range(6)]


async def test_a_worker_does_not_get_messages_for_its_lost_predecessor(ends: Ends) -> None:
    async with ends.media() as media:
        async with ends.worker() as first:
            await meet(media, first)
            for number in range(50):
                media.publish(chunk(number, size=200_000))
        async with ends.worker() as second:
            await meet(media, second)
            media.publish(chunk(50))
            assert await next_of(second) == chunk(50)


async def test_receiving_from_a_closed_bus_raises(ends: Ends) -> None:
    async with ends.media() as media:
        pass
    with pytest.raises(BusClosed):
        await next_of(media)
