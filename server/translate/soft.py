"""Makes soft speech loud enough for a recogniser. A file can be read ahead, so its first words are
raised as well."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.interpretation.types import Pcm

#: The loudest parts of speech have about this root mean square (-24 dB); it is never lowered.
WANTED: Final = 2000.0
#: Nor raised by more than this (36 dB): noise would be taken for speech.
MOST: Final = 64.0
#: The level of a second is that of its loudest parts, of this length.
PART_S: Final = 0.02
#: The gain follows the loudest of so many seconds before and after.
BEFORE_S, AFTER_S = 8, 4


def raised(pieces: Iterable[Pcm], rate_hz: int) -> Iterator[Pcm]:
    """The mono int16 of ``pieces``, in pieces of a second, raised where it is soft. The gain is
    that of the loudest speech nearby, and moves slowly."""
    levels: deque[float] = deque(maxlen=BEFORE_S + 1 + AFTER_S)
    waiting: deque[Pcm] = deque()
    gain = 0.0
    for second in _seconds(pieces, rate_hz):
        waiting.append(second)
        levels.append(_level(second, rate_hz))
        if len(waiting) > AFTER_S:
            pcm, gain = _with_gain(waiting.popleft(), gain, max(levels))
            yield pcm
    for second in waiting:
        pcm, gain = _with_gain(second, gain, max(levels))
        yield pcm


def _seconds(pieces: Iterable[Pcm], rate_hz: int) -> Iterator[Pcm]:
    kept: list[Pcm] = []
    count = 0
    for pcm in pieces:
        kept.append(pcm)
        count += len(pcm)
        if count >= rate_hz:
            whole = np.concatenate(kept)
            yield from whole[: count // rate_hz * rate_hz].reshape(-1, rate_hz)
            kept, count = [whole[count // rate_hz * rate_hz :]], count % rate_hz
    if count:
        yield np.concatenate(kept)


def _level(second: Pcm, rate_hz: int) -> float:
    size = round(PART_S * rate_hz)
    parts: NDArray[np.float64] = second[: len(second) // size * size].astype(np.float64)
    if not len(parts):
        return 0.0
    return float(np.percentile(np.sqrt((parts.reshape(-1, size) ** 2).mean(axis=1)), 90))


def _with_gain(second: Pcm, before: float, level: float) -> tuple[Pcm, float]:
    """``second`` with a gain that goes from ``before`` (0 for none yet) to that for ``level``."""
    gain = float(np.clip(WANTED / max(level, 1.0), 1.0, MOST))
    if gain == 1.0 and before in (0.0, 1.0):
        return second, gain
    ramp = np.linspace(before or gain, gain, len(second), endpoint=False)
    return np.clip(np.rint(second * ramp), -32_768, 32_767).astype(np.int16), gain
