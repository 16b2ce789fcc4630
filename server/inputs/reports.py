"""Says in one line what comes from a source."""

import math
from typing import Final

import numpy as np

from server.inputs.buffer import Buffer
from server.inputs.reading import Reading
from server.media.opus import RATE_HZ, Pcm

#: A source's rate is judged from so long after it was opened on, and for so long. Seconds.
SETTLED_S, JUDGED_S = 20.0, 120.0
#: As a share: a difference that no clock has, but a sample rate that is said wrongly.
WRONG_RATE: Final = 0.06


class Reports:
    """One source's. ``heard`` gets all its sound."""

    def __init__(self) -> None:
        self._energy = 0.0
        self._samples = 0
        self._silent_s = 0.0
        self._opened = 0
        self._since_s = 0.0  # since it was opened
        self._judged = 0  # samples since it was settled

    def heard(self, pcm: Pcm) -> None:
        """Note sound that came."""
        self._energy += float(np.square(pcm, dtype=np.float64).sum())
        self._samples += pcm.size

    def line(self, reading: Reading, buffer: Buffer, since_s: float) -> str:
        """What came in the last ``since_s`` seconds, and what was done with it so far."""
        energy, samples = self._energy, self._samples
        self._energy, self._samples = 0.0, 0
        rate = self._rate(reading.opened, samples, since_s)
        reconnects = f"{max(0, reading.opened - 1)} reconnects"
        if not samples:
            self._silent_s += since_s
            return f"nothing came for {self._silent_s:.0f} s, {reconnects}"
        self._silent_s = 0.0
        counts = buffer.counts
        parts = [
            reading.kind.text if reading.kind else "sound",
            _level(energy / samples),
            f"{buffer.level_s:.2f} s late",
            reconnects,
            f"{counts.left_out / RATE_HZ:.2f} s left out",
            f"{counts.repeated / RATE_HZ:.2f} s repeated",
        ]
        more = {
            f"it sends {rate:.0%} of real time: is its sample rate right?": rate,
            f"{counts.dropped / RATE_HZ:.1f} s not sent": counts.dropped,
            f"{reading.damaged} damaged packets": reading.damaged,
            f"{reading.leaps} leaps of its clock": reading.leaps,
        }
        return ", ".join(parts + [text for text, count in more.items() if count])

    def _rate(self, opened: int, samples: int, since_s: float) -> float:
        """Sound a second, in seconds, if that is too far from one; else 0."""
        if opened != self._opened:
            self._opened, self._since_s, self._judged = opened, 0.0, 0
        judged_s = self._since_s + since_s - SETTLED_S
        if self._since_s >= SETTLED_S:
            self._judged += samples
        self._since_s += since_s
        rate = self._judged / RATE_HZ / judged_s if judged_s >= JUDGED_S else 1.0
        return rate if abs(rate - 1) > WRONG_RATE else 0.0


def _level(power: float) -> str:
    """The level of a mean square of int16 samples."""
    return f"{10 * math.log10(power) - 90.3:.0f} dBFS" if power > 0.01 else "silent"
