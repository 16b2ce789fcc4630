"""The grid that every part of the voice shares, and the loudness of what it learns from.

A *frame* (10 ms) is the unit of duration, what the acoustic model predicts in. Each frame
holds two *subframes* (5 ms), the rate at which pitch and spectrum move.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float64]

SAMPLE_RATE_HZ: Final = 16_000
SUBFRAME_SAMPLES: Final = 80
FRAME_SAMPLES: Final = 2 * SUBFRAME_SAMPLES

SPEECH_LEVEL_DBFS: Final = -20.0
ACTIVE_BELOW_LOUDEST_DB: Final = 30.0


def speech_level_dbfs(samples: Samples) -> float:
    """Root mean square of the speech in `samples` (full scale 1.0), pauses left out, in dB.

    Speech is every 10 ms whose level lies within 30 dB of the loudest one.
    """
    whole = len(samples) // FRAME_SAMPLES * FRAME_SAMPLES
    power = np.mean(samples[:whole].reshape(-1, FRAME_SAMPLES) ** 2, axis=1)
    loud = power[power > power.max() * 10 ** (-ACTIVE_BELOW_LOUDEST_DB / 10)]
    return float(10 * np.log10(loud.mean() + 1e-12))


def at_speech_level(samples: Samples) -> Samples:
    """`samples` with their speech brought to SPEECH_LEVEL_DBFS."""
    gain_db = SPEECH_LEVEL_DBFS - speech_level_dbfs(samples)
    return np.asarray(samples * 10 ** (gain_db / 20))
