"""Says in one line what comes from a source."""

import math

import numpy as np

from server.inputs.buffer import Buffer
from server.inputs.reading import Reading
from server.media.opus import RATE_HZ, Pcm


class Reports:
    """One source's. ``heard`` gets all its sound."""

    def __init__(self) -> None:
        self._energy = 0.0
        self._samples = 0
        self._silent_s = 0.0

    def heard(self, pcm: Pcm) -> None:
        """Note sound that came."""
        self._energy += float(np.square(pcm, dtype=np.float64).sum())
        self._samples += pcm.size

    def line(self, reading: Reading, buffer: Buffer, since_s: float) -> str:
        """What came in the last ``since_s`` seconds, and what was done with it so far."""
        energy, samples = self._energy, self._samples
        self._energy, self._samples = 0.0, 0
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
            f"{counts.dropped / RATE_HZ:.1f} s not sent": counts.dropped,
            f"{reading.damaged} damaged packets": reading.damaged,
            f"{reading.leaps} leaps of its clock": reading.leaps,
        }
        return ", ".join(parts + [text for text, count in more.items() if count])


def _level(power: float) -> str:
    """The level of a mean square of int16 samples."""
    return f"{10 * math.log10(power) - 90.3:.0f} dBFS" if power > 0.01 else "silent"
