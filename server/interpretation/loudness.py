"""Brings every clause of a voice to the same loudness: the integrated loudness of ITU-R BS.1770-4,
as EBU R 128 uses it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.interpretation.types import Pcm

#: The loudness that speech is brought to. EBU R 128 has -23 LUFS for living rooms; phones and halls
#: need a little more.
TARGET_LUFS: Final = -20.0
#: The gain is at most MOST_DB up or down, and no sample exceeds PEAK.
MOST_DB: Final = 12.0
PEAK: Final = 29_000  # -1 dB
#: BS.1770-4: blocks of 400 ms overlap by three quarters. Blocks below -70 LUFS, or more than 10 LU
#: below the mean of the others, do not count.
BLOCK_S, STEP_S = 0.4, 0.1
ABSOLUTE_GATE_LUFS: Final = -70.0
RELATIVE_GATE_LU: Final = -10.0
#: The two filters of BS.1770-4 at 48 kHz, a high shelf and a high pass: numerator, denominator.
FILTERS: Final = (
    (
        (1.53512485958697, -2.69169618940638, 1.19839281085285),
        (-1.69065929318241, 0.73248077421585),
    ),
    ((1.0, -2.0, 1.0), (-1.99004745483398, 0.99007225036621)),
)
FILTER_HZ: Final = 48_000


class Leveller:
    """Levels the clauses of one voice."""

    def __init__(self) -> None:
        self._gain_db = 0.0

    def levelled(self, pcm: Pcm, rate_hz: int) -> Pcm:
        """``pcm`` at TARGET_LUFS. Audio that is too short to measure gets the gain of the audio
        before it."""
        if len(pcm) >= BLOCK_S * rate_hz and (now := loudness(pcm, rate_hz)) > ABSOLUTE_GATE_LUFS:
            self._gain_db = min(max(TARGET_LUFS - now, -MOST_DB), MOST_DB)
        peak = int(np.abs(pcm.astype(np.int32)).max(initial=1))
        gain = min(10 ** (self._gain_db / 20), PEAK / peak)
        return np.asarray(np.round(pcm * gain), np.int16)


def loudness(pcm: Pcm, rate_hz: int) -> float:
    """The integrated loudness of mono ``pcm`` in LUFS; -inf if no block of it counts."""
    size, step = round(BLOCK_S * rate_hz), round(STEP_S * rate_hz)
    if len(pcm) < size:
        return -np.inf
    blocks = np.lib.stride_tricks.sliding_window_view(pcm, size)[::step] / 32_768
    power = np.abs(np.fft.rfft(blocks)) ** 2 * _weights(size, rate_hz)
    means = power.sum(axis=1) * 2 / size**2
    counts = means[_lufs(means) > ABSOLUTE_GATE_LUFS]
    if not len(counts):
        return -np.inf
    counts = counts[_lufs(counts) > _lufs(counts.mean()) + RELATIVE_GATE_LU]
    return float(_lufs(counts.mean()))


def _lufs(mean_square: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(mean_square, 1e-15)))


def _weights(size: int, rate_hz: int) -> NDArray[np.float64]:
    """The power gain of both filters for each frequency of a block's spectrum."""
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(size, 1 / rate_hz) / FILTER_HZ)
    response = np.ones_like(turn)
    for (b0, b1, b2), (a1, a2) in FILTERS:
        response *= (b0 + b1 * turn + b2 * turn**2) / (1 + a1 * turn + a2 * turn**2)
    return np.asarray(np.abs(response) ** 2, np.float64)
