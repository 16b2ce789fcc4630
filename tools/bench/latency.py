"""Phrases one second apart: how long after a phrase's end is its interpretation first heard?"""

import asyncio
import json
from pathlib import Path

import numpy as np

from server.client import Listener, Speaker
from server.demo import clip
from server.media.opus import RATE_HZ, Pcm
from server.streams import language_of
from tools.bench.serving import serving
from tools.figures import Figure

#: Sound below this is silence, and a pause of this length parts two interpretations.
SILENT_PEAK = 200
PAUSE_SAMPLES = round(0.35 * RATE_HZ)
WINDOW = RATE_HZ // 100
TAIL_S = 4.0
BOUND_S = 2.0


async def run(quick: bool) -> list[Figure]:
    values: list[float] = []
    phrases = 0
    for source, target in (("nl", "en"),) if quick else (("nl", "en"), ("en", "nl")):
        for _ in range(1 if quick else 2):
            found, spoken = await _delays_s(source, target)
            values += found
            phrases += spoken
    p50, p95 = np.percentile(values, [50, 95]).tolist() if values else (None, None)
    return [
        Figure("latency.phrases", phrases, ""),
        Figure("latency.phrases_heard", len(values), "", bound=phrases, better="higher"),
        Figure("latency.first_word_p50", p50, "s"),
        Figure("latency.first_word_p95", p95, "s", bound=BOUND_S),
        Figure("latency.first_word_max", max(values, default=None), "s"),
    ]


async def _delays_s(source: str, channel: str) -> tuple[list[float], int]:
    """For each phrase of the clip that was heard, from its end to the first sound of its
    interpretation as it arrives; and how many phrases there were."""
    described = json.loads(Path(f"server/demo/{source}.json").read_text(encoding="utf8"))
    ends_s = [float(phrase["end_s"]) for phrase in described["phrases"]]
    assert language_of(channel) == channel
    async with (
        serving() as server,
        Listener(server.url, "bench", channel, keep_sound=True) as listener,
        Speaker(server.url, "bench", source) as speaker,
    ):
        loop = asyncio.get_running_loop()
        await asyncio.sleep(2)
        began_s = loop.time()
        await speaker.play(clip(source))
        await asyncio.sleep(TAIL_S)
        arrivals = listener.arrivals
        # Arrival of the earliest packet, mapped by RTP time: when the sound can be played.
        zero_s = float((arrivals.at_s - arrivals.timestamps / RATE_HZ).min())
        zero_s += arrivals.timestamps[0] / RATE_HZ
    heard_s = [zero_s + start / RATE_HZ for start in starts(arrivals.sound())]
    delays: list[float] = []
    for end_s, next_s in zip(ends_s, [*ends_s[1:], ends_s[-1] + TAIL_S], strict=True):
        within = [at for at in heard_s if began_s + end_s <= at < began_s + next_s]
        if within:
            delays.append(within[0] - began_s - end_s)
    return delays, len(ends_s)


def starts(pcm: Pcm) -> list[int]:
    """Samples at which sound begins after a pause."""
    windows = pcm[: len(pcm) // WINDOW * WINDOW].reshape(-1, WINDOW)
    loud = np.flatnonzero(np.abs(windows.astype(np.int32)).max(axis=1) > SILENT_PEAK) * WINDOW
    if not loud.size:
        return []
    first = np.diff(loud, prepend=-PAUSE_SAMPLES) >= PAUSE_SAMPLES
    return [int(start) for start in loud[first]]
