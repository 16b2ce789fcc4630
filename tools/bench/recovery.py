"""The interpreter is killed while somebody speaks: how long until interpretation is heard again?"""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np

from server.client.participants import Listener
from server.media.opus import RATE_HZ
from signaling.messages import ChannelState
from tools.bench.latency import SILENT_PEAK, WINDOW
from tools.bench.serving import Speaking, serving
from tools.figures import Figure

BOUND_S = 5.0
CLIP = Path("server/demo/nl.opus")


async def run(quick: bool) -> list[Figure]:
    rounds = 1 if quick else 3
    recovered_s: list[float] = []
    lost = 0
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving())
        listeners = [
            await stack.enter_async_context(
                Listener(server.url, "bench", "en", captions=["en"], keep_sound=number == 0)
            )
            for number in range(3)
        ]
        await stack.enter_async_context(Speaking(server.url, "bench", "nl", CLIP))
        heard = listeners[0]
        loop = asyncio.get_running_loop()
        await asyncio.sleep(10)
        for _ in range(rounds):
            since = len(heard.received)
            killed_s = loop.time()
            os.kill(server.interpreter_pid(), signal.SIGKILL)
            await heard.expect(
                ChannelState, lambda state: state.status == "live", since=since, within_s=30
            )
            live_s = loop.time()
            await asyncio.sleep(6)
            first = first_sound_after(heard, live_s)
            recovered_s.append(first - killed_s if first is not None else float("inf"))
            await asyncio.sleep(4)
        lost = sum(each.closed for each in listeners)
    return [
        Figure("recovery.kills", rounds, ""),
        Figure("recovery.listeners_lost", lost, "", bound=0),
        Figure("recovery.interpretation_again_max", max(recovered_s), "s", bound=BOUND_S),
    ]


def first_sound_after(listener: Listener, at_s: float) -> float | None:
    """When the first sound arrived after ``at_s``, on the loop's clock."""
    arrivals = listener.arrivals
    pcm = arrivals.sound()
    zero_s = float((arrivals.at_s - arrivals.timestamps / RATE_HZ).min())
    zero_s += arrivals.timestamps[0] / RATE_HZ
    start = max(0, round((at_s - zero_s) * RATE_HZ))
    windows = pcm[start : start + (len(pcm) - start) // WINDOW * WINDOW].reshape(-1, WINDOW)
    loud = np.flatnonzero(np.abs(windows.astype(np.int32)).max(axis=1) > SILENT_PEAK)
    return at_s + float(loud[0]) * WINDOW / RATE_HZ if loud.size else None
