"""Measures the features of speech with WORLD (pyworld).

M. Morise et al., "WORLD", IEICE Trans. E99-D (2016).
"""

from typing import Final

import numpy as np
import pyworld

from training.voice.audio import SAMPLE_RATE_HZ, SUBFRAME_SAMPLES, Samples
from training.voice.features import (
    BAND_CENTRES_HZ,
    ENVELOPE_FLOOR,
    Features,
    envelope_points_hz,
)

FFT_SIZE: Final = 1024
F0_RANGE_HZ: Final = (60.0, 400.0)


def analyse(samples: Samples) -> Features:
    """Features of `samples`, whose length is a whole number of subframes."""
    rng = np.random.default_rng(0)
    # Digital silence has no spectrum. Very faint noise keeps WORLD's logarithms finite.
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
