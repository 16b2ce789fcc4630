"""Measures how much the spectrum of a sound changes, to tell speech from held notes and hum.

Between windows 64 ms apart, the bands of speech differ by at least 3 dB in 19 of 20 cases; those of
a held note by less than 1 dB.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.bus.messages import RATE_HZ
from server.interpretation.types import Pcm

#: The edges of the 16 bands.
EDGES_HZ: Final = np.geomspace(100, 7000, 17)
#: A window is compared with the one this many windows before it.
APART: Final = 2
#: Added to the power of every band: about that of noise at 1/32,768 of full scale.
FLOOR: Final = 1e3
#: Bands softer than the loudest by more than this have only spectral leakage.
LEAKAGE_DB: Final = 40


class Spectrum:
    """Measures the changes of one sound, window by window."""

    def __init__(self, window_samples: int) -> None:
        self._samples = window_samples
        self._rest: Pcm = np.zeros(0, np.int16)
        self._hann = np.hanning(window_samples)
        hz = np.fft.rfftfreq(window_samples, 1 / RATE_HZ)
        self._bands = np.searchsorted(hz, EDGES_HZ)
        self._before: NDArray[np.float64] = np.zeros((APART, len(EDGES_HZ) - 1))

    def changes(self, pcm: Pcm) -> list[float]:
        """For each window that ``pcm`` completes: the mean difference of its bands, in dB, to
        those of the window APART before it. A change of the overall level does not count."""
        pcm = np.concatenate((self._rest, pcm))
        whole = len(pcm) // self._samples * self._samples
        self._rest = pcm[whole:]
        windows = pcm[:whole].reshape(-1, self._samples)
        power = np.abs(np.fft.rfft(windows * self._hann)) ** 2
        bands = np.add.reduceat(power, self._bands, axis=1)[:, :-1]
        db = 10 * np.log10(bands + FLOOR)
        db = np.maximum(db, db.max(axis=1, initial=0, keepdims=True) - LEAKAGE_DB)
        shapes = np.concatenate((self._before, db - db.mean(axis=1, keepdims=True)))
        self._before = shapes[-APART:]
        changes: list[float] = np.abs(shapes[APART:] - shapes[:-APART]).mean(axis=1).tolist()
        return changes
