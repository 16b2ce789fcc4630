"""Makes speech a little longer or shorter: one pitch period is repeated or left out, with a
cross-fade (as in WSOLA: Verhelst and Roelands 1993).
"""

import numpy as np
from numpy.typing import NDArray

from server.media.opus import RATE_HZ, Pcm

#: Pitch from 100 to 400 Hz: two of its longest periods fit in 20 ms.
SHORTEST, LONGEST = RATE_HZ // 400, RATE_HZ // 100
#: First compared at a fourth of the rate: pitch is far below it.
_COARSE = 4


def shortened(pcm: Pcm) -> Pcm:
    """``pcm``, which has 20 ms or more, without one pitch period."""
    lag = period(pcm)
    joint = _faded(pcm[:lag], pcm[lag : 2 * lag])
    return np.concatenate((joint, pcm[2 * lag :]))


def lengthened(pcm: Pcm) -> Pcm:
    """``pcm``, which has 20 ms or more, with one pitch period more."""
    lag = period(pcm)
    joint = _faded(pcm[lag : 2 * lag], pcm[:lag])
    return np.concatenate((pcm[:lag], joint, pcm[lag:]))


def period(pcm: Pcm) -> int:
    """The pitch period in samples: the lag at which the audio is most like itself."""
    samples = pcm[: 2 * LONGEST].astype(np.float64)
    coarse = samples[::_COARSE]
    near = _COARSE * max(
        range(SHORTEST // _COARSE, LONGEST // _COARSE + 1), key=lambda lag: _likeness(coarse, lag)
    )
    around = range(max(SHORTEST, near - _COARSE + 1), min(LONGEST, near + _COARSE - 1) + 1)
    return max(around, key=lambda lag: _likeness(samples, lag))


def _likeness(samples: NDArray[np.float64], lag: int) -> float:
    one, other = samples[:lag], samples[lag : 2 * lag]
    return float((one @ other) / np.sqrt((one @ one) * (other @ other) + 1.0))


def _faded(one: Pcm, other: Pcm) -> Pcm:
    weight = (np.arange(one.size) + 0.5) / one.size
    return np.rint(one * (1 - weight) + other * weight).astype(np.int16)
