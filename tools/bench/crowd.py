"""300 listeners of two languages, and an interpreter at work on the same cores: does sound arrive
in time, and how much CPU and memory does each listener take?"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np

from server.client.participants import Listener
from signaling.messages import ChannelState
from tools.bench.fanout import SETTLE_S
from tools.bench.fanout_processes import memory_of
from tools.bench.joining import joining
from tools.bench.load import Joining, Listeners, delivered
from tools.bench.serving import Speaking, serving
from tools.figures import Figure

CHANNELS = ("en", "de")
LISTENERS, QUICK_LISTENERS = 300, 40
SECONDS, QUICK_SECONDS = 60.0, 10.0
#: kB.
MEMORY_BOUND = 220


async def run(quick: bool) -> list[Figure]:
    count = QUICK_LISTENERS if quick else LISTENERS
    return await measured("crowd", count, QUICK_SECONDS if quick else SECONDS, joining)


async def measured(name: str, count: int, seconds: float, joining_by: Joining) -> list[Figure]:
    """The figures of ``count`` listeners for so many seconds. Their names begin with ``name``."""
    each = count // len(CHANNELS)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving())
        # One of each first, so that the cost of the channels is not counted as the listeners'.
        firsts = [
            await stack.enter_async_context(Listener(server.url, "bench", channel))
            for channel in CHANNELS
        ]
        await stack.enter_async_context(
            Speaking(server.url, "bench", "nl", Path("server/demo/nl.opus"))
        )
        for first in firsts:
            await first.expect(ChannelState, lambda state: state.status == "live", within_s=30)
        groups = []
        for channel in CHANNELS:
            join = await stack.enter_async_context(joining_by(server.url, "bench", channel))
            groups.append(Listeners(join))
        for group in groups:
            await stack.enter_async_context(group.alive())
        memory = memory_of([server.pid])
        for group in groups:
            await group.join(each)
        await asyncio.sleep(SETTLE_S)
        memory = memory_of([server.pid]) - memory
        calls_before = await server.metric("tolk_stage_calls_total")
        async with groups[0].recorded() as one, groups[1].recorded() as other:
            await asyncio.sleep(seconds)
        calls_after = await server.metric("tolk_stage_calls_total")
    found = [delivered(heard, each) for heard in (one, other)]
    late_ms = 1e3 * np.concatenate([of.lateness_s for of in found])
    jitters_ms = 1e3 * np.concatenate([of.jitters_s for of in found])
    return [
        Figure(f"{name}.listeners", len(CHANNELS) * each, ""),
        Figure(f"{name}.lateness_p99", float(np.percentile(late_ms, 99)), "ms", bound=10),
        Figure(f"{name}.lateness_max", float(late_ms.max()), "ms", bound=60),
        Figure(f"{name}.jitter_p99", float(np.percentile(jitters_ms, 99)), "ms"),
        Figure(f"{name}.packets_lost", sum(of.lost for of in found), "", bound=0),
        Figure(f"{name}.silent", sum(of.silent for of in found), "", bound=0),
        Figure(
            f"{name}.memory_per_listener", memory / 1e3 / len(CHANNELS) / each, "kB", MEMORY_BOUND
        ),
        Figure(f"{name}.engine_calls", calls_after - calls_before, "", bound=1, better="higher"),
    ]
