"""The features of speech that the acoustic model predicts.

For each subframe: the pitch, a 64-point logarithmic envelope on the mel scale, and how noisy the
voice is in five bands.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from training.voice.audio import SAMPLE_RATE_HZ

ENVELOPE_POINTS: Final = 64
BAND_CENTRES_HZ: Final = (500, 1500, 3000, 4500, 6500)
# Natural logarithm of amplitude (full scale 1.0), about -80 dB. Anything below is silence.
ENVELOPE_FLOOR: Final = -9.2

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Features:
    """Rows are subframes of 5 ms."""

    f0_hz: Array
    """[S]; 0 where there is no voice."""
    envelope: Array
    """[S, 64] natural logarithm of amplitude at `envelope_points_hz`."""
    aperiodicity: Array
    """[S, 5] 0 (pure voice) to 1 (noise) at BAND_CENTRES_HZ."""


def envelope_points_hz() -> npt.NDArray[np.float64]:
    """The frequencies of the envelope's points: equal steps of the mel scale up to Nyquist."""
    top = 1127 * np.log1p(SAMPLE_RATE_HZ / 2 / 700)
    return np.asarray(700 * np.expm1(np.linspace(0, top, ENVELOPE_POINTS) / 1127))
