"""A source-filter vocoder as plain tensor arithmetic, so that it fits inside the ONNX graph.

The source is a band-limited pulse train (all harmonics below Nyquist, from the closed form of
their sum) and white noise; the filter has minimum phase, which the cepstrum of the log
amplitude gives as one fixed matrix. Windows of two subframes overlap by half.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.voice.acoustic import BANDS
from training.voice.audio import SAMPLE_RATE_HZ, SUBFRAME_SAMPLES
from training.voice.features import BAND_CENTRES_HZ, ENVELOPE_POINTS, envelope_points_hz

FFT_SIZE: Final = 512
WINDOW: Final = 2 * SUBFRAME_SAMPLES
HOPS: Final = 6
"""The filtered window is cut after this many subframes: 20 ms of filter, all that is audible."""
GATE: Final = (-7.8, -6.8)
"""Loudest point of the envelope (log amplitude) below which a subframe is silent, above which
it is left alone. What lies below is the floor of the teacher's silences, an audible hiss."""
CEILING: Final = 0.85
"""Peaks bend towards this: -1.4 dB of full scale."""

Matrix = npt.NDArray[np.float64]


def _interpolation(points: Matrix, at: Matrix) -> Matrix:
    """[len(points), len(at)]: a matrix that interpolates values at `points` to values at `at`."""
    return np.stack([np.interp(at, points, row) for row in np.eye(len(points))])


class Vocoder(nn.Module):
    amplitude: Tensor
    phase: Tensor
    forward_transform: Tensor
    inverse: Tensor
    bands: Tensor
    steps: Tensor

    def __init__(self) -> None:
        super().__init__()
        bins = FFT_SIZE // 2 + 1
        hz = np.linspace(0, SAMPLE_RATE_HZ / 2, bins)
        amplitude = _interpolation(envelope_points_hz(), hz)
        fold = np.zeros(FFT_SIZE)
        fold[0] = fold[FFT_SIZE // 2] = 1
        fold[1 : FFT_SIZE // 2] = 2
        phase = np.fft.rfft(np.fft.irfft(amplitude, FFT_SIZE, axis=1) * fold, axis=1).imag
        n, k = np.arange(WINDOW)[:, None], np.arange(bins)[None]
        window = np.sin(np.pi * (n + 0.5) / WINDOW) ** 2
        forward = window * np.exp(-2j * np.pi * n * k / FFT_SIZE)
        unit = np.eye(2 * bins)
        inverse = np.fft.irfft(unit[:, :bins] + 1j * unit[:, bins:], FFT_SIZE, axis=1)
        edges = np.array([0, *BAND_CENTRES_HZ, SAMPLE_RATE_HZ / 2])
        bands = _interpolation(edges, hz)
        bands[1] += bands[0]
        bands[BANDS] += bands[BANDS + 1]
        constants = {
            "amplitude": amplitude,
            "phase": phase,
            "forward_transform": np.concatenate([forward.real, forward.imag], axis=1),
            "inverse": inverse[:, : HOPS * SUBFRAME_SAMPLES],
            "bands": bands[1 : BANDS + 1],
            "steps": (np.arange(SUBFRAME_SAMPLES) + 0.5) / SUBFRAME_SAMPLES,
        }
        for name, value in constants.items():
            tensor = torch.tensor(value, dtype=torch.float32)
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, outputs: Tensor, noise_gain: Tensor | float) -> Tensor:
        """outputs [S, OUTPUTS] of the acoustic model -> [S * SUBFRAME_SAMPLES] samples."""
        f0 = outputs[:, 0].exp().clamp(50, 500)
        voiced = (outputs[:, 1:2] > 0).float()
        aperiodicity = outputs[:, 2 : 2 + BANDS].clamp(0, 1)
        envelope = outputs[:, -ENVELOPE_POINTS:]
        gate = (envelope.amax(1, keepdim=True) - GATE[0]) / (GATE[1] - GATE[0])
        pulses = self._pulses(f0)
        noise = torch.randn_like(pulses) * noise_gain
        noisy = torch.where(voiced > 0, aperiodicity @ self.bands, torch.ones_like(voiced))
        clean = (1 - noisy**2).clamp(min=0).sqrt() * voiced
        magnitude = (envelope @ self.amplitude).exp() * gate.clamp(0, 1)
        angle = envelope @ self.phase
        filter_real, filter_imag = magnitude * angle.cos(), magnitude * angle.sin()
        sources = torch.cat([_with_previous(pulses), _with_previous(noise)])
        real, imag = (sources @ self.forward_transform).chunk(2, 1)
        real, imag = _mix(real, clean, noisy), _mix(imag, clean, noisy)
        spectrum = torch.cat(
            [real * filter_real - imag * filter_imag, real * filter_imag + imag * filter_real], 1
        )
        parts = (spectrum @ self.inverse).reshape(-1, HOPS, SUBFRAME_SAMPLES)
        # Overlap-add: part j of subframe i is heard in subframe i + j - 1.
        overlapped = sum(F.pad(parts[:, j], (0, 0, j, HOPS - 1 - j)) for j in range(HOPS))
        samples = torch.as_tensor(overlapped)[1 : 2 - HOPS].reshape(-1)
        return CEILING * torch.tanh(samples / CEILING)

    def _pulses(self, f0: Tensor) -> Tensor:
        """f0 [S] in Hz -> [S, SUBFRAME_SAMPLES]: a pulse train of unit power."""
        following = torch.cat([f0[1:], f0[-1:]])
        hz = f0.unsqueeze(1) * (1 - self.steps) + following.unsqueeze(1) * self.steps
        turns = torch.cumsum(hz / SAMPLE_RATE_HZ, 1)
        # In float64, as in a long sentence the phase of the last pulses would be rounded away.
        before = torch.cumsum(turns[:, -1:].double(), 0) - turns[:, -1:].double()
        turns = turns + (before - before.floor()).float()
        turns = turns - (turns + 0.5).floor()
        harmonics = (0.97 * SAMPLE_RATE_HZ / 2 / hz).floor()
        sine = torch.sin(torch.pi * turns)
        at_peak = sine.abs() < 1e-4
        ratio = torch.sin(torch.pi * (2 * harmonics + 1) * turns)
        ratio = ratio / torch.where(at_peak, torch.ones_like(sine), sine)
        total = torch.where(at_peak, 2 * harmonics + 1, ratio)
        return (total - 1) / (2 * harmonics).sqrt()


def _mix(spectra: Tensor, clean: Tensor, noisy: Tensor) -> Tensor:
    """spectra [2 * S, bins], of the pulses and then of the noise -> [S, bins]."""
    pulses, noise = spectra.chunk(2)
    return pulses * clean + noise * noisy


def _with_previous(source: Tensor) -> Tensor:
    """[S, SUBFRAME_SAMPLES] -> [S, WINDOW]: each subframe after the one before it."""
    return torch.cat([F.pad(source[:-1], (0, 0, 1, 0)), source], 1)
