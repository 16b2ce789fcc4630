"""Between an interpreter's process and the hubs. The ends of the links are in memory."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from server.bus.messages import AudioChunk, Demand, Drain, Message
from server.bus.protocol import Link
from server.bus.supervisor import Supervisor
from server.cluster.offers import Offer
from server.cluster.relay import Relay
from server.models.current import Current
from server.models.moving import Moves
from tests.helpers.interpretation import MemoryBus
from tests.helpers.waiting import until
from tests.server.cluster.test_pool import CATALOGUE


class Hub(MemoryBus):
    """A hub's end of its link."""

    is_linked = True


def demand(lease: int) -> Demand:
    return Demand(stream="hall", epoch=0, source="nl", speech=("en",), lease=lease)


CHUNK = AudioChunk(stream="hall", epoch=0, start_sample=0, pcm=bytes(640))


@asynccontextmanager
async def relay(
    folder: Path, offered: Callable[[Offer], None] = lambda _: None, **hubs: Hub
) -> AsyncIterator[MemoryBus]:
    """Yields the bus of the interpreter's process."""

    @asynccontextmanager
    async def listen(name: str) -> AsyncIterator[Link[Message]]:
        yield hubs[name]

    async def offer(made: Offer) -> bool:
        offered(made)
        return True

    own = MemoryBus()
    made = Relay(own, listen, offer)
    moves = Moves(Current(CATALOGUE), own.publish, None, folder / "models.json", lambda: None)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(made.run(Supervisor(["false"]), moves))
        for name in hubs:
            made.knock(name)
        yield own
        task.cancel()


async def test_a_stream_of_two_hubs_is_interpreted_for_the_one_with_the_newest_lease(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    first, second = Hub(), Hub()
    async with relay(tmp_path, first=first, second=second) as own:
        first.send(demand(5), CHUNK)
        await own.wait_for(AudioChunk, stream="first/hall")
        second.send(demand(7), CHUNK)
        await own.wait_for(AudioChunk, stream="second/hall")
        first.send(demand(5), CHUNK, demand(5))
        await first.taken()
        second.send(CHUNK)
        await own.wait_for(AudioChunk, 2, stream="second/hall")
    assert len(own.of(AudioChunk, stream="first/hall")) == 1
    assert caplog.text.count("first asks for a stream that another server has") == 1


async def test_without_leases_each_hub_has_a_stream_of_its_own(tmp_path: Path) -> None:
    first, second = Hub(), Hub()
    async with relay(tmp_path, first=first, second=second) as own:
        for each in (first, second):
            each.send(demand(0), CHUNK)
        await own.wait_for(AudioChunk, stream="first/hall")
        await own.wait_for(AudioChunk, stream="second/hall")


async def test_a_machine_that_is_drained_tells_all_at_once(tmp_path: Path) -> None:
    hub, offers = Hub(), list[Offer]()
    async with relay(tmp_path, offers.append, hub=hub):
        hub.send(Drain(on=True))
        await until(lambda: bool(offers) and offers[-1].draining, 5)
        hub.send(Drain(on=False))
        await until(lambda: not offers[-1].draining, 5)
