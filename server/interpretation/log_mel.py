"""The log-mel spectrogram that Whisper takes as input (Radford et al. 2022, section 2.2)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.bus.messages import RATE_HZ
from server.interpretation.types import Pcm

Features = NDArray[np.float32]

WINDOW: Final = 400
#: One frame of features every 10 ms.
HOP: Final = 160
FRAMES_PER_SECOND: Final = RATE_HZ // HOP
#: The mel scale of Slaney's auditory toolbox: linear up to 1 kHz, logarithmic above it.
LINEAR_HZ: Final = 200 / 3
LOGARITHMIC_FROM_HZ: Final = 1000.0
LOGARITHMIC_STEP: Final = np.log(6.4) / 27


class LogMel:
    """Computes spectrograms. ``bands``: 80, or 128 for large-v3 and large-v3-turbo."""

    def __init__(self, bands: int) -> None:
        self._filters = mel_filters(bands)
        self._window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)

    def __call__(self, pcm: Pcm, silence_s: float) -> Features:
        """The spectrogram of ``pcm`` (16 kHz mono) followed by ``silence_s`` seconds of silence:
        float32 of shape (bands, frames). A frame is 10 ms; their number is even."""
        frames = (len(pcm) // HOP + round(silence_s * FRAMES_PER_SECOND)) // 2 * 2
        sound = np.zeros(frames * HOP + WINDOW, np.float32)
        sound[WINDOW // 2 : WINDOW // 2 + len(pcm)] = pcm[: frames * HOP] / np.float32(32768)
        # The padding before the first sample mirrors the samples after it.
        mirrored = sound[WINDOW // 2 + 1 : WINDOW + 1][::-1]
        sound[: WINDOW // 2] = mirrored[: WINDOW // 2]
        windows = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP][:frames]
        power = np.abs(np.fft.rfft(windows * self._window, axis=1).astype(np.complex64)) ** 2
        logarithmic = np.log10(np.maximum(power @ self._filters, 1e-10))
        logarithmic = np.maximum(logarithmic, logarithmic.max() - 8.0)
        return np.ascontiguousarray(((logarithmic + 4.0) / 4.0).T, np.float32)


def mel_filters(bands: int) -> NDArray[np.float32]:
    """Triangles of equal area on the mel scale, up to 8 kHz: float32 of shape (201, bands)."""
    frequencies = np.fft.rfftfreq(WINDOW, 1 / RATE_HZ)
    corners = _hz(np.linspace(0.0, _mel(RATE_HZ / 2), bands + 2))
    widths = np.diff(corners)
    slopes = corners[None, :] - frequencies[:, None]
    rising = -slopes[:, :-2] / widths[:-1]
    falling = slopes[:, 2:] / widths[1:]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    areas = 2.0 / (corners[2:] - corners[:-2])
    filters: NDArray[np.float32] = (triangles * areas).astype(np.float32)
    return filters


def _mel(frequency_hz: float) -> float:
    above = LOGARITHMIC_FROM_HZ / LINEAR_HZ
    return float(above + np.log(frequency_hz / LOGARITHMIC_FROM_HZ) / LOGARITHMIC_STEP)


def _hz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    above = LOGARITHMIC_FROM_HZ / LINEAR_HZ
    linear = mels * LINEAR_HZ
    logarithmic = LOGARITHMIC_FROM_HZ * np.exp(LOGARITHMIC_STEP * (mels - above))
    return np.where(mels < above, linear, logarithmic)
