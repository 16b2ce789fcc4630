"""What edges cost: an edge and its listeners, and what a hub and NATS spend for edges. A hub sends
each packet of a channel once; NATS sends a copy to each edge.

The many edges are replayed: they speak the protocol of edges, and have as many listeners as they
say, but no listener has a connection.
"""

import asyncio
import socket
import time
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import aiohttp

from server.bus import hub_messages
from server.bus.hub_messages import ChannelAt, Message, Packet, Wants
from server.bus.nats import Links, NatsBus
from server.bus.nats_connection import Nats, machine_name
from server.bus.protocol import Bus, BusClosed
from server.bus.sound import SoundIn, SoundOut
from server.client.conversation import alongside
from server.media.opus import RATE_HZ
from tools.bench.fanout import SETTLE_S
from tools.bench.fanout_processes import cpu_of
from tools.bench.joining import joining
from tools.bench.load import Listeners
from tools.bench.serving import Serving, Speaking, serving
from tools.chaos.people import STREAM, murmur
from tools.figures import Figure
from tools.nats_server import NatsProcess, nats_server

CHANNEL: Final = "floor"
#: Of each real edge.
LISTENERS, QUICK_LISTENERS = 200, 20
#: Replayed edges: so many, and twice as many.
EDGES, QUICK_EDGES = 50, 20
#: What each replayed edge says that it has.
EACH: Final = 1000
#: By how much the cost of a message may differ, with twice the edges and with more listeners.
RATIO: Final = 1.3
SECONDS, QUICK_SECONDS = 30.0, 6.0
WANTED_EVERY_S: Final = 1.0
#: What a hub sends in each tick: twelve languages and the floor.
CHANNELS: Final = 13
TICK_S: Final = 0.02
PACKET_BYTES: Final = 130
LINKED_S: Final = 30.0


class Spent(NamedTuple):
    """Of a while: cores of the processes that were asked for, and what NATS passed on a second."""

    cores: Sequence[float]
    messages: float
    bytes: float


class Hall:
    """A hub in whose only stream somebody speaks without a pause, and NATS."""

    def __init__(self, hub: Serving, nats: NatsProcess, monitor: str, seconds: float) -> None:
        self.hub = hub
        self.nats = nats
        self._monitor = monitor
        self.seconds = seconds

    async def spent(self, *pids: int) -> Spent:
        """Measure for a while."""
        await asyncio.sleep(SETTLE_S)
        cpu_s, passed, since_s = cpu_of(pids), await self._passed(), time.monotonic()
        await asyncio.sleep(self.seconds)
        took_s = time.monotonic() - since_s
        cores = (cpu_of(pids) - cpu_s) / took_s
        now = await self._passed()
        each = [(after - before) / took_s for before, after in zip(passed, now, strict=True)]
        return Spent(cores.tolist(), *each)

    async def _passed(self) -> tuple[int, int]:
        """The messages and bytes that NATS has sent so far."""
        async with aiohttp.ClientSession() as http, http.get(f"{self._monitor}/varz") as response:
            told = await response.json()
        return int(told["out_msgs"]), int(told["out_bytes"])

    @asynccontextmanager
    async def edge(self) -> AsyncIterator[Serving]:
        """A real edge."""
        options = ("--bus", self.nats.server.url, "--max-listeners", "5000")
        async with serving(*options, "--max-sessions-per-address", "5000", command="edge") as edge:
            yield edge


def _murmur(path: Path) -> Path:
    """Write a file of somebody who hardly pauses."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(murmur().tobytes())
    return path


@asynccontextmanager
async def _hall(folder: Path, seconds: float) -> AsyncIterator[Hall]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        monitor = f"127.0.0.1:{probe.getsockname()[1]}"
    (folder / "edges").mkdir()
    with nats_server(folder / "edges", http=monitor) as nats:
        async with (
            serving("--bus", nats.server.url, "--models", "starter", "--spare", "never") as hub,
            Speaking(hub.url, STREAM, "nl", _murmur(folder / "edges" / "murmur.wav")),
        ):
            yield Hall(hub, nats, f"http://{monitor}", seconds)


async def run(folder: Path, quick: bool) -> list[Figure]:
    """Measure both. ``folder``: for the files of NATS."""
    async with _hall(folder, QUICK_SECONDS if quick else SECONDS) as hall:
        return [
            *await _one_more(hall, QUICK_LISTENERS if quick else LISTENERS),
            *await _replayed(hall, QUICK_EDGES if quick else EDGES),
            await _a_packet(hall.nats, hall.seconds),
        ]


async def _one_more(hall: Hall, count: int) -> list[Figure]:
    """An edge with one listener, then ``count``, then another edge with as many."""
    async with AsyncExitStack() as stack:
        edge = await stack.enter_async_context(hall.edge())
        listeners = await _listening(stack, edge, 1)
        alone = await hall.spent(edge.pid)
        await listeners.join(count - 1)
        one = await hall.spent(edge.pid)
        other = await stack.enter_async_context(hall.edge())
        await _listening(stack, other, count)
        two = await hall.spent(edge.pid, other.pid)
    each_us = [1e6 * cores / count for cores in (*one.cores, sum(two.cores) / 2)]
    return [
        Figure("machines.edge_listeners", count, ""),
        Figure("machines.edge_cpu_a_listener", each_us[0], "us/s"),
        Figure("machines.edges_2_cpu_a_listener_ratio", each_us[1] / each_us[0], "", bound=1.05),
        Figure("machines.edge_bus_messages", one.messages, "/s"),
        Figure("machines.edge_bus_bandwidth", 8 * one.bytes / 1e3, "kbit/s"),
        Figure("machines.edge_bus_of_one_listener_ratio", one.bytes / alone.bytes, "", bound=1.05),
    ]


async def _listening(stack: AsyncExitStack, edge: Serving, count: int) -> Listeners:
    join = await stack.enter_async_context(joining(edge.url, STREAM, CHANNEL))
    listeners = Listeners(join)
    await stack.enter_async_context(listeners.alive())
    await listeners.join(count)
    return listeners


async def _replayed(hall: Hall, edges: int) -> list[Figure]:
    """CPU of hub and NATS with no edges, one, some, and twice as many; and with more listeners."""
    pids = hall.hub.pid, hall.nats.pid
    none = await hall.spent(*pids)
    async with _replaying(hall.nats, 1, EACH):
        one = await hall.spent(*pids)
    async with _replaying(hall.nats, edges, EACH):
        some = await hall.spent(*pids)
    async with _replaying(hall.nats, 2 * edges, 1):
        few = await hall.spent(*pids)
    async with _replaying(hall.nats, 2 * edges, EACH) as replays:
        many = await hall.spent(*pids)
        lost = sum(each.lost for each in replays)
    return [
        Figure("machines.replay_edges", 2 * edges, ""),
        Figure("machines.replay_listeners", 2 * edges * EACH, ""),
        Figure("machines.replay_lost", lost, "", bound=0),
        Figure("machines.replay_bus_messages", many.messages, "/s"),
        Figure("machines.replay_bus_bandwidth", 8 * many.bytes / 1e6, "Mbit/s"),
        *_of_hub(none, one, few, many, 2 * edges),
        *_of_nats(none, some, few, many),
    ]


def _of_hub(none: Spent, one: Spent, few: Spent, many: Spent, edges: int) -> list[Figure]:
    """What each further edge costs a hub, once there is one."""
    with_one, of_few, of_many = (1e6 * each.cores[0] for each in (one, few, many))
    return [
        Figure("machines.replay_hub_cpu_without_edges", none.cores[0], "cores"),
        Figure("machines.replay_hub_cpu", many.cores[0], "cores"),
        Figure("machines.replay_hub_cpu_an_edge", (of_many - with_one) / (edges - 1), "us/s"),
        Figure("machines.replay_hub_cpu_one_listener_ratio", of_many / of_few, "", bound=RATIO),
    ]


def _of_nats(none: Spent, some: Spent, few: Spent, many: Spent) -> list[Figure]:
    """What a copy for an edge costs NATS."""
    of_some, of_few, of_many = (_a_copy_us(each, none) for each in (some, few, many))
    prefix = "machines.replay_nats_cpu"
    return [
        Figure(f"{prefix}_without_edges", none.cores[1], "cores"),
        Figure(prefix, many.cores[1], "cores"),
        Figure(f"{prefix}_a_copy", of_many, "us"),
        Figure(f"{prefix}_a_copy_half_the_edges_ratio", _ratio(of_many, of_some), "", bound=RATIO),
        Figure(f"{prefix}_a_copy_one_listener_ratio", _ratio(of_many, of_few), "", bound=RATIO),
    ]


def _a_copy_us(spent: Spent, none: Spent) -> float | None:
    """What a message to an edge costs NATS, in us; None if there were none."""
    copies = spent.messages - none.messages
    return 1e6 * (spent.cores[1] - none.cores[1]) / copies if copies > 1 else None


async def _a_packet(nats: NatsProcess, seconds: float) -> Figure:
    """CPU time of this process for each packet that it sends as a hub does."""
    spent_s: list[float] = []
    ticks = round(seconds / TICK_S)
    async with (
        Nats.opened([nats.server], machine_name(), "origin") as connection,
        SoundOut.opened(connection) as out,
    ):
        for channels in (0, CHANNELS):
            since_s = time.process_time()
            for tick in range(ticks):
                for channel in range(channels):
                    out.send(STREAM, f"channel{channel}", tick, Packet(tick, bytes(PACKET_BYTES)))
                await asyncio.sleep(TICK_S)
            spent_s.append(time.process_time() - since_s)
    a_packet_s = (spent_s[1] - spent_s[0]) / ticks / CHANNELS
    return Figure("machines.hub_cpu_a_packet", 1e6 * a_packet_s, "us")


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one and other else None


class _Replay:
    """An edge that says that it has ``listeners``. ``packets``: how many came; ``lost``: how many
    messages and packets did not."""

    def __init__(self, nats: NatsProcess, listeners: int) -> None:
        self.packets = self.lost = 0
        self._server = nats.server
        self._wants = Wants(stream=STREAM, channels={CHANNEL: listeners})
        self._hub = ""
        self._session = 0
        self._announced = asyncio.Event()

    async def run(self) -> None:
        """Be there until cancelled."""

        def announced(sender: str, payload: bytes) -> None:
            self._hub = sender
            self._session = hub_messages.decode_announcement(payload).session
            self._announced.set()

        async with Nats.opened([self._server], machine_name(), "edge") as nats:
            links = Links(nats, offered=announced)
            sound = SoundIn(links)
            sound.on_packet = self._count
            await self._announced.wait()
            while True:
                with suppress(OSError):
                    async with NatsBus.connect(links, self._hub, hub_messages.decode) as bus:
                        sound.hear({ChannelAt(self._hub, STREAM, CHANNEL): self._session})
                        await self._listen(bus, sound)

    def _count(self, *_: object) -> None:
        self.packets += 1

    async def _listen(self, bus: Bus[Message], sound: SoundIn) -> None:
        with suppress(BusClosed):
            while True:
                bus.publish(self._wants)
                with suppress(TimeoutError):
                    async with asyncio.timeout(WANTED_EVERY_S):
                        while True:
                            await bus.receive()
                self.lost = bus.dropped["in"] + sum(sound.dropped.values())


@asynccontextmanager
async def _replaying(
    nats: NatsProcess, count: int, listeners: int
) -> AsyncIterator[Sequence[_Replay]]:
    replays = [_Replay(nats, listeners) for _ in range(count)]

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as group:
            for each in replays:
                group.create_task(each.run(), name="replayed edge")

    async with alongside(all_of_them(), "replayed edges"):
        async with asyncio.timeout(LINKED_S):
            while not all(each.packets for each in replays):
                await asyncio.sleep(0.1)
        yield replays
