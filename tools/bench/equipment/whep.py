"""Listeners by WHEP: the same as those of a page? And do 300 of them hear everything in time?

Both ways share one server. Listeners join one of each at a time and hear the same at the same time;
for the CPU time, groups of each take turns. So their ratios hold on a busy machine too.
"""

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import numpy as np

from server.client.participants import Listener
from server.demo import clip
from server.media.files import WavWriter
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, Pcm
from tools.bench import crowd
from tools.bench.fanout import SETTLE_S
from tools.bench.fanout_processes import cpu_of
from tools.bench.joining import joining, joining_by_whep
from tools.bench.load import Delivered, Joining, Listeners, delivered
from tools.bench.serving import Serving, Speaking, serving
from tools.figures import Figure

STREAM = "bench"
WAYS: dict[str, Joining] = {"page": joining, "whep": joining_by_whep}
#: Of each way, for first packets and jitter.
LISTENERS, QUICK_LISTENERS = 60, 15
#: In a group whose CPU time is measured; each way has so many turns.
GROUP, QUICK_GROUP = 300, 60
TURNS, QUICK_TURNS = 3, 1
SECONDS, QUICK_SECONDS = 20.0, 5.0
CROWD, QUICK_CROWD = 300, 60
CROWD_SECONDS, QUICK_CROWD_SECONDS = 60.0, 10.0
#: What WHEP may cost more than a page.
RATIO = 1.1
#: Pieces of speech with a lower peak are left out, so that packets are sent all the time.
QUIET_PEAK = 500


class Way(NamedTuple):
    """What was measured of one way. ``cpu_s``: of the server, for a listener and a second."""

    first_packet_s: float
    cpu_s: float
    heard: Delivered


async def run(quick: bool) -> list[Figure]:
    seconds = QUICK_SECONDS if quick else SECONDS
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = await stack.enter_async_context(serving())
        await stack.enter_async_context(
            Speaking(server.url, STREAM, "nl", _without_pauses(folder / "speech.wav"))
        )
        # So that the cost of the channel is not counted as the listeners'.
        await stack.enter_async_context(Listener(server.url, STREAM))
        await asyncio.sleep(SETTLE_S)
        heard = await _heard(server, QUICK_LISTENERS if quick else LISTENERS, seconds)
        cpu_s = await _cpu_of_each(
            server,
            QUICK_GROUP if quick else GROUP,
            QUICK_TURNS if quick else TURNS,
            seconds,
        )
    return _figures({way: Way(heard[way][0], cpu_s[way], heard[way][1]) for way in WAYS})


async def run_crowd(quick: bool) -> list[Figure]:
    return await crowd.measured(
        "equipment.whep_crowd",
        QUICK_CROWD if quick else CROWD,
        QUICK_CROWD_SECONDS if quick else CROWD_SECONDS,
        joining_by_whep,
    )


async def _heard(server: Serving, count: int, seconds: float) -> dict[str, tuple[float, Delivered]]:
    """Of ``count`` listeners of each way: the median time to the first packet, and what came."""
    async with AsyncExitStack() as stack:
        groups = {}
        for way, join in WAYS.items():
            entered = join(server.url, STREAM, "floor")
            groups[way] = Listeners(await stack.enter_async_context(entered))
            await stack.enter_async_context(groups[way].alive())
        for number in range(count):
            for way in WAYS if number % 2 else reversed(WAYS):
                await groups[way].join(1)
        await asyncio.sleep(SETTLE_S)
        async with groups["page"].recorded() as page, groups["whep"].recorded() as whep:
            await asyncio.sleep(seconds)
    first_s = {way: float(np.median(group.first_packet_s)) for way, group in groups.items()}
    return {
        "page": (first_s["page"], delivered(page, count)),
        "whep": (first_s["whep"], delivered(whep, count)),
    }


async def _cpu_of_each(server: Serving, count: int, turns: int, seconds: float) -> dict[str, float]:
    """The server's CPU time for each listener and second: the mean of the turns. Each turn is
    compared with the same server without the group."""
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(turns):
        for way in WAYS if number % 2 else reversed(WAYS):
            idle_s = await _cpu_s(server, seconds)
            async with WAYS[way](server.url, STREAM, "floor") as join:
                listeners = Listeners(join)
                async with listeners.alive():
                    await listeners.join(count)
                    await asyncio.sleep(SETTLE_S)
                    found[way].append((await _cpu_s(server, seconds) - idle_s) / count)
            await asyncio.sleep(SETTLE_S)  # until the server has forgotten them
    return {way: mean(each) for way, each in found.items()}


async def _cpu_s(server: Serving, seconds: float) -> float:
    """CPU time of the media process, per second."""
    before = cpu_of([server.pid])[0]
    await asyncio.sleep(seconds)
    return float(cpu_of([server.pid])[0] - before) / seconds


def _figures(ways: dict[str, Way]) -> list[Figure]:
    measured: dict[str, Callable[[Way], float]] = {
        "first_packet_p50": lambda way: way.first_packet_s,
        "jitter_p99": lambda way: float(np.percentile(way.heard.jitters_s, 99)),
        "cpu_per_listener_second": lambda way: way.cpu_s,
    }
    figures = []
    for name, value in measured.items():
        prefix = f"equipment.whep.{name}"
        values = {way: value(of) for way, of in ways.items()}
        figures += [Figure(f"{prefix}.{way}", 1e3 * each, "ms") for way, each in values.items()]
        figures.append(
            Figure(f"{prefix}.whep_to_page", values["whep"] / values["page"], "", bound=RATIO)
        )
    for way, of in ways.items():
        lost = of.heard.lost + of.heard.silent
        figures.append(Figure(f"equipment.whep.packets_lost.{way}", lost, "", bound=0))
    return figures


def _without_pauses(file: Path) -> Path:
    pcm = clip("nl")
    pieces = pcm[: pcm.size // SAMPLES_PER_TICK * SAMPLES_PER_TICK].reshape(-1, SAMPLES_PER_TICK)
    loud: Pcm = pieces[np.abs(pieces.astype(int)).max(axis=1) > QUIET_PEAK].reshape(-1)
    with WavWriter(file, RATE_HZ) as wav:
        wav.write(loud)
    return file
