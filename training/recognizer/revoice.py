"""Changes one person's voice into others', for a language of which few people were recorded.

It uses WORLD (M. Morise et al., IEICE Trans. E99-D, 2016). A longer or shorter vocal tract moves
the formants, and the pitch changes with them, as it does between people.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyworld

from training.recognizer.augment import RATE_HZ
from training.recognizer.speech import Samples

_PERIOD_MS: Final = 5.0
#: The factors by which a man's formants are moved: from large men to children.
_FORMANTS: Final = (0.87, 1.28)
#: A woman's formants are a sixth higher than a man's, her pitch is two thirds higher.
_PITCH_POWER: Final = 3.2


class Voice(NamedTuple):
    """WORLD's measurements every 5 ms: pitch [frames] in Hz, power spectrum and aperiodicity
    [frames, bins]."""

    f0: npt.NDArray[np.float64]
    power: npt.NDArray[np.float64]
    noisiness: npt.NDArray[np.float64]


def analyse(samples: Samples) -> Voice:
    """Measure the voice in 16 kHz speech in int16 range."""
    f0, times = pyworld.dio(samples, RATE_HZ, frame_period=_PERIOD_MS)
    f0 = pyworld.stonemask(samples, f0, times, RATE_HZ)
    power = pyworld.cheaptrick(samples, f0, times, RATE_HZ)
    return Voice(f0, power, pyworld.d4c(samples, f0, times, RATE_HZ))


def revoiced(voice: Voice, rng: np.random.Generator) -> Samples:
    """The same words with the same timing, said by somebody else."""
    formants = rng.uniform(*_FORMANTS)
    pitch = max(0.75, formants**_PITCH_POWER * np.exp(rng.normal(0, 0.1)))
    bins = np.arange(voice.power.shape[1])
    source = np.minimum(bins / formants, bins[-1])
    low = np.minimum(source.astype(int), len(bins) - 2)
    share = source - low
    power, noisiness = (
        np.ascontiguousarray(part[:, low] ** (1 - share) * part[:, low + 1] ** share)
        for part in (voice.power, voice.noisiness)
    )
    spoken = pyworld.synthesize(voice.f0 * pitch, power, noisiness, RATE_HZ, _PERIOD_MS)
    return np.asarray(spoken, np.float64)
