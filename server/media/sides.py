"""Makes one signal of stereo whose sides may cancel each other: a balanced line in a stereo input
has the same sound on both sides, one of them inverted, and their mean is silence."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.media.opus import Pcm

#: The sides cancel from this correlation down, and no longer from the second one up: two
#: microphones in one room stay near 0, stereo of one voice is near 1.
CANCEL: Final = -0.5
AGREE: Final = -0.2
#: The correlation is that of about the last second.
MEMORY_S: Final = 1.0
#: Below this mean power (-80 dB) noise alone would decide.
LEAST_POWER: Final = 10.0


class Sides:
    """Mixes one stream of stereo at ``rate_hz`` to mono."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._left = self._right = self._both = 0.0
        self.cancel = False

    def mono(self, stereo: NDArray[np.int16]) -> Pcm:
        """The mean of the sides of ``stereo``, (samples, 2); while they cancel, the louder one."""
        if not len(stereo):
            return np.zeros(0, np.int16)
        self._compare(stereo)
        if self.cancel:
            return np.asarray(stereo[:, int(self._right > self._left)], np.int16)
        return np.asarray(stereo.sum(axis=1, dtype=np.int32) // 2, np.int16)

    def _compare(self, stereo: NDArray[np.int16]) -> None:
        left, right = stereo.T.astype(np.float64)
        keep = float(np.exp(-len(stereo) / (MEMORY_S * self._rate_hz)))
        self._left = keep * self._left + (1 - keep) * float(np.mean(left * left))
        self._right = keep * self._right + (1 - keep) * float(np.mean(right * right))
        self._both = keep * self._both + (1 - keep) * float(np.mean(left * right))
        power = float(np.sqrt(self._left * self._right))
        if power > LEAST_POWER:
            self.cancel = self._both < (AGREE if self.cancel else CANCEL) * power
