"""SpecAugment (Park et al. 2019) and vocal-tract warping, on cepstral features.

Both are linear on log-mel bands, so they are a matrix between two cosine transforms.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from scipy.signal import lfilter

from training.recognizer.frames import CEPSTRA, Features

_LIFTER = 22  # Kaldi's cepstral-lifter
_GROUPS = 16
Matrix = npt.NDArray[np.float64]


@cache
def _cosines() -> tuple[Matrix, Matrix]:
    """The matrix from bands to cepstra as in Kaldi, and its inverse."""
    n = np.arange(CEPSTRA)
    forward = np.sqrt(2 / CEPSTRA) * np.cos(np.pi / CEPSTRA * np.outer(n, n + 0.5))
    forward[0] /= np.sqrt(2)
    forward *= (1 + 0.5 * _LIFTER * np.sin(np.pi * n / _LIFTER))[:, None]
    return forward, np.linalg.inv(forward)


def _bands(rng: np.random.Generator) -> Matrix:
    """A random warp of the bands, with some of them masked."""
    place = np.arange(CEPSTRA)
    warp = rng.uniform(0.92, 1.08) if rng.random() < 0.7 else 1.0
    wanted = np.clip(place * warp, 0, CEPSTRA - 1)
    low = np.minimum(wanted.astype(int), CEPSTRA - 2)
    matrix = np.zeros((CEPSTRA, CEPSTRA))
    matrix[place, low] = 1 - (wanted - low)
    matrix[place, low + 1] = wanted - low
    if rng.random() < 0.5:
        width = rng.integers(1, 9)
        start = rng.integers(CEPSTRA - width)
        matrix[start : start + width] = 0
    return matrix


def masks_and_warps(features: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """A batch [pieces, frames, 40] with masked bands and moments, and changed voices."""
    forward, back = _cosines()
    matrices = [(forward @ _bands(rng) @ back).T for _ in range(_GROUPS)]
    turned = torch.from_numpy(np.stack(matrices).astype(np.float32)).to(features.device)
    pieces, frames, _ = features.shape
    grouped = features.reshape(_GROUPS, pieces // _GROUPS * frames, CEPSTRA)
    features = torch.bmm(grouped, turned).reshape(pieces, frames, CEPSTRA)
    for piece in range(pieces):
        if rng.random() < 0.5:
            length = int(rng.integers(3, 20))
            start = int(rng.integers(frames - length))
            features[piece, start : start + length] = 0
    return features


def roomy_and_noisy(cepstra: Features, rng: np.random.Generator) -> Features:
    """Change MFCC approximately as a room and noise would: energy decays slowly, and noise is
    added. It is thousands of times as fast as changing audio, so it can be done anew in every
    run."""
    forward, back = _cosines()
    power = np.exp(cepstra @ back.T)
    if rng.random() < 0.5:
        kept = 10 ** (-0.06 / rng.uniform(0.15, 0.6))  # the share of energy left after 10 ms
        tail = lfilter([0, 1 - kept], [1, -kept], power, axis=0)
        power = power + rng.uniform(0.1, 0.7) * tail
    if rng.random() < 0.7:
        shape = np.exp(np.interp(np.arange(CEPSTRA), [0, 10, 20, 39], rng.normal(0, 1.2, 4)))
        shape *= power.mean() / shape.mean() * 10 ** (-rng.uniform(5, 35) / 10)
        power = power + shape * np.exp(rng.normal(0, 0.5, power.shape))
    return (np.log(power) @ forward.T).astype(np.float32)
