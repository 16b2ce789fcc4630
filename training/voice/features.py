"""What the acoustic model predicts, measured from speech with WORLD (pyworld).

Per subframe: the pitch, a 64-point logarithmic envelope on the mel scale, and how noisy the
voice is in five bands. M. Morise et al., "WORLD", IEICE Trans. E99-D (2016).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyworld

from training.voice.audio import SAMPLE_RATE_HZ, SUBFRAME_SAMPLES, Samples

ENVELOPE_POINTS: Final = 64
BAND_CENTRES_HZ: Final = (500, 1500, 3000, 4500, 6500)
# Natural logarithm of amplitude, full scale 1.0: about -80 dB. Below it there is only silence.
ENVELOPE_FLOOR: Final = -9.2
FFT_SIZE: Final = 1024
F0_RANGE_HZ: Final = (60.0, 400.0)

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
    """Frequencies of the envelope's points: equal steps of the mel scale up to Nyquist."""
    top = 1127 * np.log1p(SAMPLE_RATE_HZ / 2 / 700)
    return np.asarray(700 * np.expm1(np.linspace(0, top, ENVELOPE_POINTS) / 1127))


def analyse(samples: Samples) -> Features:
    """Features of `samples`, whose length is a whole number of subframes."""
    rng = np.random.default_rng(0)
    # Digital silence has no spectrum: a hiss far below the floor keeps WORLD's logarithms finite.
    audible = samples + 1e-5 * rng.standard_normal(len(samples))
    period_ms = SUBFRAME_SAMPLES / SAMPLE_RATE_HZ * 1000
    f0, times = pyworld.dio(
        audible, SAMPLE_RATE_HZ, f0_floor=F0_RANGE_HZ[0], f0_ceil=F0_RANGE_HZ[1],
        frame_period=period_ms,
    )  # fmt: skip
    f0 = pyworld.stonemask(audible, f0, times, SAMPLE_RATE_HZ)
    spectrum = pyworld.cheaptrick(audible, f0, times, SAMPLE_RATE_HZ, fft_size=FFT_SIZE)
    noisiness = pyworld.d4c(audible, f0, times, SAMPLE_RATE_HZ, fft_size=FFT_SIZE)
    log_amplitude = 0.5 * np.log(np.maximum(spectrum, 1e-12))
    bins = np.arange(FFT_SIZE // 2 + 1)
    hz_per_bin = SAMPLE_RATE_HZ / FFT_SIZE
    at = envelope_points_hz() / hz_per_bin
    envelope = np.stack([np.interp(at, bins, row) for row in log_amplitude])
    bands = noisiness[:, [round(hz / hz_per_bin) for hz in BAND_CENTRES_HZ]]
    subframes = len(samples) // SUBFRAME_SAMPLES
    return Features(
        f0[:subframes].astype(np.float32),
        np.maximum(envelope[:subframes], ENVELOPE_FLOOR).astype(np.float32),
        bands[:subframes].astype(np.float32),
    )
