"""How long after the end of a phrase does its interpretation begin? Pauses last one second."""

import asyncio
import json
from pathlib import Path

import numpy as np

from server.client.participants import Listener, Speaker
from server.demo import clip
from server.media.opus import RATE_HZ, Pcm
from tools.bench.serving import serving
from tools.figures import Figure

#: Sound below this peak is silence. A silence of PAUSE_S separates two interpretations.
SILENT_PEAK = 200
PAUSE_SAMPLES = round(0.14 * RATE_HZ)
WINDOW = RATE_HZ // 100
TAIL_S = 4.0
#: Times of captions and phrases may be wrong by this much.
MARGIN_S = 0.1
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


async def _delays_s(source: str, target: str) -> tuple[list[float], int]:
    """For each phrase of the clip that was heard, the time from its end to the arrival of the
    first sound of its interpretation. And the number of phrases."""
    described = json.loads(Path(f"server/demo/{source}.json").read_text(encoding="utf8"))
    async with (
        serving() as server,
        Listener(server.url, "bench", target, captions=[target], keep_sound=True) as listener,
        Speaker(server.url, "bench", source) as speaker,
    ):
        await asyncio.sleep(2)
        began_s = asyncio.get_running_loop().time()
        await speaker.play(clip(source))
        await asyncio.sleep(TAIL_S)
        assert speaker.started_speaking_s is not None
        offset_s = began_s - speaker.started_speaking_s
    heard_s = starts_of(listener)
    delays = []
    for phrase in described["phrases"]:
        start_s, end_s = (float(phrase[each]) + offset_s for each in ("start_s", "end_s"))
        heard = [at for at, span in heard_s if span[0] < end_s and span[1] > start_s + MARGIN_S]
        if heard:
            delays.append(min(heard) - speaker.started_speaking_s - end_s)
    return delays, len(described["phrases"])


def starts_of(listener: Listener) -> list[tuple[float, tuple[float, float]]]:
    """When each clause was first heard, on the loop's clock, and its span in stream time.

    The caption of a clause is sent just before its speech. So the clause begins at the first sound
    that follows a pause, comes after its caption, and comes after the clause before it.
    """
    arrivals = listener.arrivals
    # The packet that came earliest, by its RTP time, tells when each timestamp can be played.
    zero_s = float((arrivals.at_s - arrivals.timestamps / RATE_HZ).min())
    zero_s += float(arrivals.timestamps[0]) / RATE_HZ
    sounds_s = [zero_s + start / RATE_HZ for start in starts(arrivals.sound())]
    found: list[tuple[float, tuple[float, float]]] = []
    for at_s, caption in listener.captions:
        earliest_s = max([at_s - MARGIN_S, *(heard_s + MARGIN_S for heard_s, _ in found[-1:])])
        later = [sound_s for sound_s in sounds_s if sound_s >= earliest_s]
        if caption.status == "final" and later:
            found.append((later[0], (caption.start_ms / 1000, caption.end_ms / 1000)))
    return found


def starts(pcm: Pcm) -> list[int]:
    """The samples at which sound begins after a pause."""
    windows = pcm[: len(pcm) // WINDOW * WINDOW].reshape(-1, WINDOW)
    loud = np.flatnonzero(np.abs(windows.astype(np.int32)).max(axis=1) > SILENT_PEAK) * WINDOW
    if not loud.size:
        return []
    first = np.diff(loud, prepend=-PAUSE_SAMPLES) >= PAUSE_SAMPLES
    return [int(start) for start in loud[first]]
