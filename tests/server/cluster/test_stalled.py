"""Stopping while NATS takes nothing. Its library takes some cancellations for its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from server.bus.hub_messages import Announcement, Wants
from server.bus.hub_messages import Message as HubMessage
from server.bus.messages import Drain, Message
from server.bus.nats_connection import Nats
from server.bus.protocol import Bus, Link
from server.bus.sound import SoundOut
from server.bus.supervisor import Supervisor
from server.cluster.edges import Edges
from server.cluster.origins import Origins
from server.cluster.relay import Relay
from server.models.current import Current
from server.models.moving import Moves
from tests.helpers.interpretation import MemoryBus
from tests.helpers.line import line
from tests.helpers.nats import nats_server
from tests.server.cluster.test_pool import CATALOGUE
from tests.server.cluster.test_relay import Hub

PIECE = bytes(200_000)
#: A piece that is not taken within this time waits for NATS.
STALLED_S = 0.5
END_S = 10.0

Say = Callable[[object], Awaitable[bool]]


@asynccontextmanager
async def stalled(folder: Path) -> AsyncIterator[Nats]:
    """A connection to a NATS server that takes nothing any more."""
    with nats_server(folder) as process:
        async with line(process.server) as cable, Nats.opened([cable.server], "a", "hub") as nats:
            cable.cut = True
            waits = False
            while not waits:
                async with asyncio.timeout(STALLED_S) as limit:
                    await nats.send_all(PIECE)
                waits = limit.expired()
            assert nats.up
            yield nats


class Nothing:
    """A hub without streams."""

    def announcement(self, edges: Mapping[str, int]) -> Announcement:
        return Announcement()

    def want(self, edge: str, bus: Bus[HubMessage], wants: Wants) -> None:
        pass

    def gone(self, edge: str) -> None:
        pass

    def refresh(self) -> None:
        pass


def relay(folder: Path, nats: Nats, say: Say) -> Coroutine[None, None, None]:
    hub, own = Hub(), MemoryBus()
    hub.send(Drain(on=True))  # which it says to all

    @asynccontextmanager
    async def listen(name: str) -> AsyncIterator[Link[Message]]:
        yield hub

    made = Relay(own, listen, say)
    made.knock("hub")
    moves = Moves(Current(CATALOGUE), own.publish, None, folder / "models.json", lambda: None)
    return made.run(Supervisor(["false"]), moves)


def origins(folder: Path, nats: Nats, say: Say) -> Coroutine[None, None, None]:
    async def offer(made: object) -> None:
        await say(made)

    def connect(name: str) -> AbstractAsyncContextManager[Bus[HubMessage]]:
        raise AssertionError("there is no hub")

    return Origins(connect, offer, lambda channels: None).run()


def edges(folder: Path, nats: Nats, say: Say) -> Coroutine[None, None, None]:
    def listen(name: str) -> AbstractAsyncContextManager[Link[HubMessage]]:
        raise AssertionError("there is no edge")

    return Edges(listen, say, SoundOut(nats)).run(Nothing())


@pytest.mark.parametrize("part", [relay, origins, edges])
async def test_a_part_that_is_stopped_while_it_waits_for_nats_ends(
    part: Callable[[Path, Nats, Say], Coroutine[None, None, None]], tmp_path: Path
) -> None:
    says = asyncio.Event()
    async with stalled(tmp_path) as nats:

        async def say(what: object) -> bool:
            says.set()
            return await nats.send_all(PIECE)

        task = asyncio.create_task(part(tmp_path, nats, say))
        await says.wait()
        task.cancel()
        ended, _ = await asyncio.wait([task], timeout=END_S)
    assert ended
