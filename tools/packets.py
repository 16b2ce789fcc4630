"""Loss, lateness and jitter of received RTP packets."""

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
#: Samples: 20 ms.
PACKET = 960


def missing(sequences: NDArray[np.int64]) -> int:
    """The number of sequence numbers between the first and the last that did not arrive."""
    if not sequences.size:
        return 0
    return int(np.ptp(sequences)) + 1 - np.unique(sequences).size


def unsent_s(timestamps: NDArray[np.int64]) -> float:
    """The time between the first packet and the last that no packet covers, in seconds: silence
    that was not sent, lost packets, and ticks that the server skipped."""
    distinct = np.unique(timestamps)
    return float(np.maximum(np.diff(distinct) - PACKET, 0).sum()) / RATE_HZ


def lateness_s(at_s: NDArray[np.float64], timestamps: NDArray[np.int64]) -> NDArray[np.float64]:
    """How late each packet arrived, by its RTP timestamp, relative to the earliest packet of all.
    Pauses in which nothing was sent do not count as lateness."""
    offsets = at_s - timestamps / RATE_HZ
    lateness: NDArray[np.float64] = offsets - offsets.min(initial=np.inf)
    return lateness


def jitter_s(at_s: NDArray[np.float64], timestamps: NDArray[np.int64]) -> float:
    """The interarrival jitter after the last packet, as RFC 3550, 6.4.1 estimates it."""
    transit = at_s - timestamps / RATE_HZ
    jitter = 0.0
    for difference in np.abs(np.diff(transit)):
        jitter += (float(difference) - jitter) / 16
    return jitter
