"""The time units that all parts of the voice share, and the loudness of the speech to learn from.

A *frame* (10 ms) is the unit of durations, which the acoustic model predicts. Each frame has two
*subframes* (5 ms), the unit of pitch and spectrum.
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
    """The root mean square of the speech in `samples` (full scale 1.0) without pauses, in dB.

    Speech is every 10 ms whose level is within 30 dB of the loudest one.
    """
    whole = len(samples) // FRAME_SAMPLES * FRAME_SAMPLES
    power = np.mean(samples[:whole].reshape(-1, FRAME_SAMPLES) ** 2, axis=1)
    loud = power[power > power.max() * 10 ** (-ACTIVE_BELOW_LOUDEST_DB / 10)]
    return float(10 * np.log10(loud.mean() + 1e-12))


def at_speech_level(samples: Samples) -> Samples:
    """`samples`, scaled so that their speech has SPEECH_LEVEL_DBFS."""
    gain_db = SPEECH_LEVEL_DBFS - speech_level_dbfs(samples)
    return np.asarray(samples * 10 ** (gain_db / 20))
