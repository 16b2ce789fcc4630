"""When each word of a text is heard in its speech, without a model: by the letters, and by the
pauses of the voice."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np

from server.media.opus import RATE_HZ, Pcm
from server.subtitles import PAUSES, Cue, spread

#: A voice pauses at commas, for at least QUIET_S, and not farther than NEAR_S from where their
#: places in the text say.
NEAR_S: Final = 0.4
QUIET_S: Final = 0.05
#: Samples below this are a pause (-36 dB).
QUIET: Final = 500


def timed(text: str, pcm: Pcm, begin_s: float) -> list[Cue]:
    """When each word of ``text`` is heard in ``pcm``, mono int16 at 48 kHz that begins at
    ``begin_s``. The words between two pauses are as long as their letters."""
    words = spread(text, begin_s, begin_s + len(pcm) / RATE_HZ)
    pauses = [(begin_s + start_s, begin_s + end_s) for start_s, end_s in _pauses(pcm)]
    found: list[Cue] = []
    first, start_s = 0, begin_s
    for number, word in enumerate(words[:-1], 1):
        near = [each for each in pauses if start_s < each[0] and _off(each, word) <= NEAR_S]
        if near and word.text.endswith(PAUSES):
            pause = min(near, key=lambda each: _off(each, word))
            part = " ".join(each.text for each in words[first:number])
            found += spread(part, start_s, pause[0])
            first, start_s = number, pause[1]
    rest = " ".join(each.text for each in words[first:])
    return found + spread(rest, start_s, begin_s + len(pcm) / RATE_HZ)


def _off(pause: tuple[float, float], word: Cue) -> float:
    return abs((pause[0] + pause[1]) / 2 - word.end_s)


def _pauses(pcm: Pcm) -> Iterator[tuple[float, float]]:
    """From when to when nothing is heard within ``pcm``, in seconds."""
    size = RATE_HZ // 100
    parts = np.abs(pcm[: len(pcm) // size * size].astype(np.int32)).reshape(-1, size)
    loud = np.flatnonzero(parts.max(axis=1, initial=0) > QUIET)
    for one, other in pairwise(loud):
        if (other - one - 1) / 100 >= QUIET_S:
            yield (one + 1) / 100, other / 100
