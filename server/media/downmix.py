"""From several channels to one: the one that is wanted, or all of them mixed.

A balanced line in a stereo socket gives the same sound on both sides, one of them inverted: mixed,
they cancel each other. This is noticed within 20 ms, and then only the louder side is taken.
"""

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
#: The sides cancel each other if their sum has less than this share of their difference's energy.
CANCELS: Final = 0.1
#: They no longer do if it has more than this share.
ADDS: Final = 0.5
#: Mean square below which nothing can be told: -60 dBFS.
AUDIBLE: Final = 1e-6


class Downmix:
    """One source's. ``wanted``: the channel to take, from 0; None mixes all. A source that has
    fewer channels is mixed.

    ``side``: the one that is taken because the two sides cancel each other; None if they do not.
    """

    def __init__(self, wanted: int | None = None) -> None:
        self._wanted = wanted
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
        keep = float(np.exp(-left.size / RATE_HZ / MEMORY_S))
        new = 1 - keep
        self._left = keep * self._left + new * float(np.mean(left * left))
        self._right = keep * self._right + new * float(np.mean(right * right))
        self._product = keep * self._product + new * float(np.mean(left * right))
        both = self._left + self._right
        if both < AUDIBLE * new:
            return
        total, difference = both + 2 * self._product, both - 2 * self._product
        if self.side is None and total < CANCELS * difference:
            self.side = "left" if self._left >= self._right else "right"
        elif self.side is not None and total > ADDS * difference:
            self.side = None
