"""From several channels to one: the one that is wanted, or all of them mixed.

A balanced line in a stereo socket gives the same sound on both sides, one of them inverted: mixed,
they cancel each other. This is noticed within 20 ms, and then only the louder side is taken.
"""

import math
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from server.media.opus import RATE_HZ

#: float32 from -1 to 1, of shape (samples,).
Wave = NDArray[np.float32]
#: float32 from -1 to 1, of shape (channels, samples).
Channels = NDArray[np.float32]

Side = Literal["left", "right"]

#: How long the energies are averaged. Seconds.
MEMORY_S: Final = 0.5
#: The sides cancel each other from this correlation down, and no longer from AGREE up: two
#: microphones in one room stay near 0, stereo of one voice is near 1.
CANCEL: Final = -0.5
AGREE: Final = -0.2
#: Mean square below which nothing can be told: -60 dBFS.
AUDIBLE: Final = 1e-6


class Downmix:
    """One source's, at ``rate_hz``. ``wanted``: the channel to take, from 0; None mixes all. A
    source that has fewer channels is mixed.

    ``side``: the one that is taken because the two sides cancel each other; None if they do not.
    """

    def __init__(self, wanted: int | None = None, rate_hz: int = RATE_HZ) -> None:
        self._wanted = wanted
        self._rate_hz = rate_hz
        self._left = self._right = self._product = 0.0
        self.side: Side | None = None

    def mixed(self, channels: Channels) -> Wave:
        """One channel of the sound. Two are averaged. More are added at half their level, as
        mostly one of them has the speech."""
        made: Wave
        count = len(channels)
        if self._wanted is not None and self._wanted < count:
            made = channels[self._wanted]
        elif count != 2:
            self.side = None
            made = channels.sum(axis=0) / min(count, 2)
        else:
            self._listen(channels)
            sides = {"left": channels[0], "right": channels[1]}
            made = sides[self.side] if self.side else (channels[0] + channels[1]) / 2
        return made

    def _listen(self, channels: Channels) -> None:
        """Find out whether the two sides cancel each other."""
        left, right = channels
        if not left.size:
            return
        keep = math.exp(-left.size / self._rate_hz / MEMORY_S)
        new = 1 - keep
        self._left = keep * self._left + new * float(np.mean(left * left))
        self._right = keep * self._right + new * float(np.mean(right * right))
        self._product = keep * self._product + new * float(np.mean(left * right))
        power = math.sqrt(self._left * self._right)
        if power < AUDIBLE * new:
            return
        if self._product >= (CANCEL if self.side is None else AGREE) * power:
            self.side = None
        elif self.side is None:
            self.side = "left" if self._left >= self._right else "right"
