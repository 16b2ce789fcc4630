"""300 listeners join at once from one address: is the sound of 100 others disturbed?"""

import asyncio
import os
from pathlib import Path

import numpy as np

from tools.bench.fanout import SETTLE_S
from tools.bench.joining import joining
from tools.bench.load import Listeners, delivered
from tools.bench.serving import Speaking, serving
from tools.figures import Figure

LISTENERS, JOINING = 100, 300
QUICK_LISTENERS, QUICK_JOINING = 20, 40
#: Sound is measured until this long after the last listener has joined.
TAIL_S = 2.0


async def run(quick: bool) -> list[Figure]:
    count, crowd_size = (QUICK_LISTENERS, QUICK_JOINING) if quick else (LISTENERS, JOINING)
    clip = Path("server/demo/nl.opus")
    cores = sorted(os.sched_getaffinity(0))
    try:
        async with (
            serving() as server,
            Speaking(server.url, "bench", "nl", clip),
            joining(server.url, "bench") as join,
        ):
            os.sched_setaffinity(server.pid, cores[:1])
            os.sched_setaffinity(0, cores[1:] or cores)
            listening, crowd = Listeners(join), Listeners(join)
            async with listening.alive(), crowd.alive():
                await listening.join(count)
                await asyncio.sleep(SETTLE_S)
                async with listening.recorded() as heard:
                    await crowd.join(crowd_size, at_once=crowd_size)
                    await asyncio.sleep(TAIL_S)
    finally:
        os.sched_setaffinity(0, cores)
    found = delivered(heard, count)
    p99, most = np.percentile(found.lateness_s * 1e3, [99, 100]).tolist()
    return [
        Figure("burst.joining", crowd_size, ""),
        Figure("burst.connected_max", max(crowd.connected_s), "s", bound=10),
        Figure("burst.connected_p50", float(np.median(crowd.connected_s)), "s"),
        Figure("burst.listeners", count, ""),
        Figure("burst.packets_lost", found.lost, "", bound=0),
        Figure("burst.lateness_p99", p99, "ms", bound=15),
        Figure("burst.lateness_max", most, "ms"),
    ]
