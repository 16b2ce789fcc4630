"""Several machines, joined by a real NATS server: what it adds to sound's delay, how soon links are
back after it was killed, how soon another machine interprets when one is killed, what edges cost,
and a simulated event of 40 streams on ten interpreters that come, leave, are lost and are cut off.
"""

import asyncio
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import numpy as np

from server.bus.local import LocalBus
from server.bus.messages import AudioChunk, Message, decode
from server.bus.nats import Links, NatsBus
from server.bus.nats_connection import Nats
from server.bus.protocol import Bus
from server.client.participants import Listener
from server.process import end
from signaling.messages import ChannelState
from tools.bench import edges
from tools.bench.recovery import CLIP, first_sound_after
from tools.bench.serving import Serving, Speaking, serving
from tools.bench.simulated_event import Event
from tools.figures import Figure
from tools.nats_server import NatsProcess, nats_server

#: The server's pieces: 100 ms.
CHUNK = AudioChunk(stream="bench", epoch=0, start_sample=0, pcm=bytes(3200))
BETWEEN_S = 0.01
READY_S = 120.0
#: How long an interpretation is listened to before and after a kill.
HEARD_S = 10.0

Ends = tuple[Bus[Message], Bus[Message]]


async def run(quick: bool) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="tolk-bench-") as name:
        folder = Path(name)
        folder.chmod(0o700)
        with nats_server(folder) as nats:
            return [
                *await _delays(folder, nats, 300 if quick else 3000),
                await _restarts(nats, 2 if quick else 10),
                await _takeover(nats, folder, 1 if quick else 3),
                *await edges.run(folder, quick),
                *_event(4 if quick else 20),
            ]


async def _delays(folder: Path, nats: NatsProcess, pieces: int) -> list[Figure]:
    """The delay of pieces of sound through both buses, in turns."""
    local: list[float] = []
    remote: list[float] = []
    async with _local(folder / "bus") as one, _over_nats(nats) as other:
        for _ in range(pieces):
            local.append(await _delay_ms(one))
            remote.append(await _delay_ms(other))
            await asyncio.sleep(BETWEEN_S)
    added = np.percentile(remote, [50, 99]) - np.percentile(local, [50, 99])
    return [
        Figure("machines.nats_adds_p50", float(added[0]), "ms", bound=1),
        Figure("machines.nats_adds_p99", float(added[1]), "ms", bound=5),
    ]


async def _delay_ms(ends: Ends) -> float:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    ends[0].publish(CHUNK)
    async with asyncio.timeout(10):
        await ends[1].receive()
    return 1e3 * (loop.time() - began_s)


@asynccontextmanager
async def _local(socket: Path) -> AsyncIterator[Ends]:
    async with (
        LocalBus.listen(socket, decode) as listens,
        LocalBus.connect(socket, decode) as connects,
    ):
        yield connects, listens


@asynccontextmanager
async def _over_nats(nats: NatsProcess) -> AsyncIterator[Ends]:
    async with (
        Nats.opened([nats.server], "booth", "interpreter") as one,
        Nats.opened([nats.server], "hall", "hub") as other,
        NatsBus.listen(Links(one), "hall", decode) as listens,
        NatsBus.connect(Links(other), "booth", decode) as connects,
    ):
        yield connects, listens


async def _restarts(nats: NatsProcess, times: int) -> Figure:
    """Kill NATS and start it at once. How soon do both ends have it again?"""
    loop = asyncio.get_running_loop()
    took_s = 0.0
    async with (
        Nats.opened([nats.server], "booth", "interpreter") as one,
        Nats.opened([nats.server], "hall", "hub") as other,
    ):
        for _ in range(times):
            nats.kill()
            async with asyncio.timeout(READY_S):
                while one.up or other.up:
                    await asyncio.sleep(0.01)
                await asyncio.sleep(1)  # some attempts fail
                nats.start()
                began_s = loop.time()
                await one.connected()
                await other.connected()
            took_s = max(took_s, loop.time() - began_s)
    return Figure("machines.nats_killed_back_max", took_s, "s", bound=3)


async def _takeover(nats: NatsProcess, folder: Path, times: int) -> Figure:
    """Kill the machine that interprets; another one is ready. When is it heard again?"""
    loop = asyncio.get_running_loop()
    took_s: list[float] = []
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        working = await enter(_interpreter(nats, folder))
        options = ("--bus", nats.server.url, "--roles", "hub,edge", "--models", "starter")
        server = await enter(serving(*options))
        heard = await enter(Listener(server.url, "bench", "en", keep_sound=True))
        await enter(Speaking(server.url, "bench", "nl", CLIP))
        for _ in range(times):
            spare = await enter(_interpreter(nats, folder))
            await _ready(server, 2)
            await asyncio.sleep(HEARD_S)
            since, killed_s = len(heard.received), loop.time()
            working.send_signal(signal.SIGKILL)
            await heard.expect(
                ChannelState, lambda told: told.status == "live", since=since, within_s=30
            )
            live_s = loop.time()
            await asyncio.sleep(HEARD_S)
            first = first_sound_after(heard, live_s)
            took_s.append(float("inf") if first is None else first - killed_s)
            working = spare
    return Figure("machines.interpreter_killed_heard_again_max", max(took_s), "s", bound=3)


@asynccontextmanager
async def _interpreter(
    nats: NatsProcess, folder: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "interpreter", "--bus", nats.server.url),
        *("--models", "starter", "--spare", "never", "--state", str(folder)),
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        await end(process, 10)


async def _ready(server: Serving, machines: int) -> None:
    async with asyncio.timeout(READY_S):
        while await server.metric("tolk_machines") < machines:
            await asyncio.sleep(0.2)


def _event(events: int) -> list[Figure]:
    outcomes = [Event(seed).run(seconds=150) for seed in range(events)]
    without_s = [each for outcome in outcomes for each in outcome.without_s]
    drained_s = [each for outcome in outcomes for each in outcome.drained_s]
    twice, moved, eased = (
        sum(getattr(each, name) for each in outcomes) for name in ("twice", "moved", "eased")
    )
    return [
        Figure("machines.simulated_losses", len(without_s), ""),
        Figure("machines.simulated_heard_twice", twice, "", bound=0),
        Figure("machines.simulated_moved_without_need", moved, "", bound=0),
        Figure("machines.simulated_moved_at_pauses", eased, ""),
        Figure("machines.simulated_drained_max", max(drained_s), "s", bound=15),
        Figure(
            "machines.simulated_without_machine_p99",
            float(np.percentile(without_s, 99)),
            "s",
            bound=3,
        ),
    ]
