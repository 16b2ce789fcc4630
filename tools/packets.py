"""What the times, numbers and timestamps of received RTP packets tell."""

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
#: Samples: 20 ms.
PACKET = 960


def missing(sequences: NDArray[np.int64]) -> int:
    """How many sequence numbers between the first and the last never came."""
    if not sequences.size:
        return 0
    return int(np.ptp(sequences)) + 1 - np.unique(sequences).size


def unsent_s(timestamps: NDArray[np.int64]) -> float:
    """Seconds between the first packet and the last for which none of 20 ms came: silence that
    sends nothing, packets that were lost, or time the server skipped."""
    distinct = np.unique(timestamps)
    return float(np.maximum(np.diff(distinct) - PACKET, 0).sum()) / RATE_HZ


def lateness_s(at_s: NDArray[np.float64], timestamps: NDArray[np.int64]) -> NDArray[np.float64]:
    """How much later each packet came than its RTP time says, measured from the packet that
    came earliest of all. A pause in which nothing was sent makes nothing late."""
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
