"""How much delay a speaker has whose packets are lost, and how long it stays afterwards."""

import asyncio
from statistics import median

import numpy as np

from server.client.conversation import alongside
from server.client.participants import Speaker
from server.demo import clip
from server.media.uplink import TOLERANCE_S
from tools.bench.serving import Serving
from tools.detour import Detour
from tools.figures import Figure
from tools.impair import Network

GOOD, LOSSY = Network(delay_s=0.02), Network(loss=0.05, delay_s=0.02)
#: Time for the delay to settle at the start; then the times before, during and after the loss.
SETTLE_S = 15.0
SECONDS, QUICK_SECONDS = (10.0, 20.0, 12.0), (3.0, 6.0, 8.0)
ASKED_EVERY_S = 0.1
BOUND_MS, NORMAL_WITHIN_S = 120, 5

#: (seconds since the first, the delay then).
Delays = list[tuple[float, float]]


async def run(server: Serving, quick: bool) -> list[Figure]:
    before_s, lossy_s, after_s = QUICK_SECONDS if quick else SECONDS
    with Detour(GOOD) as detour:
        async with (
            Speaker(server.url, "delay", "nl", through=detour) as speaker,
            alongside(_speak(speaker), "speaking"),
        ):
            await asyncio.sleep(SETTLE_S)
            before = await _delays(server, before_s)
            detour.become(LOSSY)
            lossy = await _delays(server, lossy_s)
            detour.become(GOOD)
            after = await _delays(server, after_s)
    normal_s = median(delay_s for _, delay_s in before)
    return [
        Figure("uplink.before_loss.buffer_delay_p95", _p95_ms(before), "ms"),
        Figure("uplink.loss_5.buffer_delay_p95", _p95_ms(lossy), "ms", BOUND_MS),
        Figure(
            "uplink.after_loss.back_to_normal",
            back_to_normal_s(after, normal_s),
            "s",
            NORMAL_WITHIN_S,
        ),
    ]


def back_to_normal_s(delays: Delays, normal_s: float) -> float | None:
    """The time from which on the delay was as before, within a tolerance. None: it never was."""
    above = [at_s for at_s, delay_s in delays if delay_s > normal_s + TOLERANCE_S]
    later = [at_s for at_s, _ in delays if not above or at_s > above[-1]]
    return min(later, default=None) if above else 0.0


async def _speak(speaker: Speaker) -> None:
    while True:
        await speaker.play(clip("nl"))


async def _delays(server: Serving, seconds: float) -> Delays:
    loop, found = asyncio.get_running_loop(), Delays()
    since_s = loop.time()
    while (now_s := loop.time()) < since_s + seconds:
        found.append((now_s - since_s, await server.metric("tolk_uplink_delay_seconds")))
        await asyncio.sleep(ASKED_EVERY_S)
    return found


def _p95_ms(delays: Delays) -> float:
    return 1e3 * float(np.percentile([delay_s for _, delay_s in delays], 95))
