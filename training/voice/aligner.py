"""Learns to recognise sounds, in order to find the sounds of a sentence in a recording.

It learns first from a synthesizer, whose times are known. That speech is varied to resemble people:
other vocal tracts, other microphones, some noise. Then it learns from the person's own recordings,
as aligned so far, several times.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from tqdm import trange

from training.voice.alignment import PAUSE
from training.voice.features import ENVELOPE_FLOOR, ENVELOPE_POINTS, Array, Features
from training.voice.forced import Sound, frames_of_phonemes, sounds, viterbi
from training.voice.lessons import Lesson

INPUTS: Final = ENVELOPE_POINTS + 2
EDGE_FRAMES: Final = 10
BATCH: Final = 8
LEARNING_RATE: Final = 2e-3
LEAST_PRIOR: Final = 1e-3
WARP: Final = (0.82, 1.22)
"""How much longer or shorter a throat may be than the synthesizer's."""
NOISE_FLOOR: Final = (ENVELOPE_FLOOR, -5.5)
SYMBOLS: Final = {ids[0]: symbol for symbol, ids in DEFAULT_PHONEME_ID_MAP.items()}


@dataclass(frozen=True)
class Recording:
    file: Path
    text: str
    phonemes: list[str]
    """As Piper has them."""
    features: Features
    """Of the file, with EDGE_FRAMES of silence before and after."""


@dataclass(frozen=True)
class Alignment:
    frames: list[int]
    """The frames of 10 ms before the sentence, of each phoneme, and after the sentence."""
    score: float
    """Mean over the frames of sounds: how much likelier than chance (natural logarithm)."""


Aligner = Callable[[Recording], Alignment | None]
"""Returns None if the recording and its text do not fit."""


@dataclass(frozen=True)
class Example:
    features: Features
    said: list[Sound]
    frames: list[int]
    """One for each sound."""


def example_of(lesson: Lesson) -> Example:
    phonemes = [SYMBOLS[number] for number in lesson.ids[2:-1:2]]
    said = sounds(phonemes)
    each = [lesson.frames[0], *lesson.frames[2::2]]
    # If marks and spaces follow one another, all of their silence belongs to the first one.
    starts = [0, *(1 + sound.start for sound in said[1:]), len(each)]
    frames = [sum(each[a:b]) for a, b in zip(starts[:-1], starts[1:], strict=True)]
    return Example(lesson.features, said, frames)


class Hearing(nn.Module):
    """A network from frames to log-probabilities of sounds."""

    def __init__(self, labels: int, channels: int = 128) -> None:
        super().__init__()
        shapes = [(INPUTS, 5, 1), (channels, 5, 1), (channels, 5, 2), (channels, 5, 3)]
        self.layers = nn.ModuleList(
            nn.Conv1d(inputs, channels, width, padding=width // 2 * dilation, dilation=dilation)
            for inputs, width, dilation in shapes
        )
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in shapes)
        self.out = nn.Linear(channels, labels)

    def forward(self, x: Tensor) -> Tensor:
        """x [B, frames, INPUTS] -> [B, frames, labels]."""
        for layer, norm in zip(self.layers, self.norms, strict=True):
            y = F.relu(norm(layer(x.transpose(1, 2)).transpose(1, 2)))
            y = F.dropout(y, 0.1, self.training)
            x = y if x.shape[-1] == INPUTS else x + y
        return torch.log_softmax(self.out(x), -1)


class PhoneAligner:
    """An Aligner, once it is trained by `learn`."""

    def __init__(self, labels: Iterable[str]) -> None:
        """`labels` of all sounds there are."""
        ordered = [PAUSE, *sorted(set(labels) - {PAUSE})]
        self._labels = {label: number for number, label in enumerate(ordered)}
        self._hearing = Hearing(len(ordered))
        self._log_priors = np.zeros(len(ordered), np.float32)

    def learn(self, examples: Sequence[Example], steps: int, seed: int) -> float:
        """Continue training on `examples`. Returns the share of frames recognised correctly at the
        end."""
        rng = np.random.default_rng(seed)
        counts = np.zeros(len(self._labels))
        for example in examples:
            np.add.at(counts, self._targets(example), 1)
        self._log_priors = np.log(np.maximum(counts / counts.sum(), LEAST_PRIOR)).astype(np.float32)
        optimizer = torch.optim.AdamW(self._hearing.parameters(), lr=LEARNING_RATE)
        rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, steps)
        right: list[float] = []
        self._hearing.train()
        for _ in trange(steps, desc="aligner"):
            chosen = [examples[n] for n in rng.integers(len(examples), size=BATCH)]
            rows = [torch.from_numpy(inputs(spoilt(each.features, rng))) for each in chosen]
            wanted = [torch.from_numpy(self._targets(each)) for each in chosen]
            with torch.autocast("cpu", torch.bfloat16):
                heard = self._hearing(pad_sequence(rows, batch_first=True))
            found = heard.float().flatten(0, 1)
            target = pad_sequence(wanted, batch_first=True, padding_value=-1).flatten()
            loss = F.nll_loss(found, target, ignore_index=-1)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            rates.step()
            spoken = target > 0
            right.append(float((found.argmax(-1) == target)[spoken].float().mean()))
        return float(np.mean(right[-50:]))

    def __call__(self, recording: Recording) -> Alignment | None:
        said = sounds(recording.phonemes)
        found = self.frames(recording.features, said)
        if found is None:
            return None
        frames, score = found
        return Alignment(frames_of_phonemes(said, frames, len(recording.phonemes)), score)

    def frames(self, features: Features, said: Sequence[Sound]) -> tuple[list[int], float] | None:
        """The number of frames of each sound, and the score."""
        if any(sound.label not in self._labels for sound in said):
            return None
        columns = [self._labels[sound.label] for sound in said]
        likelihoods = self._heard(features) - self._log_priors
        frames = viterbi(likelihoods, columns, said)
        if not frames:
            return None
        path = np.repeat(columns, frames)
        spoken = path > 0
        return frames, float(likelihoods[np.arange(len(path)), path][spoken].mean())

    def right(self, examples: Sequence[Example]) -> float:
        """The share of frames of sounds (without pauses) that are recognised correctly."""
        counts = np.zeros(2)
        for example in examples:
            target = self._targets(example)
            heard = self._heard(example.features).argmax(1)
            counts += [(heard == target)[target > 0].sum(), (target > 0).sum()]
        return float(counts[0] / counts[1])

    def _heard(self, features: Features) -> Array:
        """[frames, labels] log-probabilities."""
        self._hearing.eval()
        with torch.no_grad():
            return np.asarray(self._hearing(torch.from_numpy(inputs(features))[None])[0].numpy())

    def _targets(self, example: Example) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        columns = [self._labels[sound.label] for sound in example.said]
        return np.repeat(np.array(columns, np.int64), example.frames)


def inputs(features: Features) -> Array:
    """[frames, INPUTS]: the spectrum relative to the speaker's average, loudness, voicing."""
    envelope = np.logaddexp(features.envelope, -7.5)
    envelope = 0.5 * (envelope[0::2] + envelope[1::2])
    voiced = (features.f0_hz > 0).astype(np.float32)
    voiced = 0.5 * (voiced[0::2] + voiced[1::2])
    loudness = envelope.max(1)
    spoken = loudness > np.quantile(loudness, 0.95) - 4.0
    shape = envelope - envelope[spoken].mean(0)
    level = loudness - loudness[spoken].mean()
    return np.concatenate([shape, level[:, None], voiced[:, None]], 1).astype(np.float32)


def spoilt(features: Features, rng: np.random.Generator) -> Features:
    """The same speech by another vocal tract, through another microphone, with some noise."""
    points = np.arange(ENVELOPE_POINTS)
    # On the mel scale, a longer vocal tract nearly equals a stretch.
    at = np.clip(points * rng.uniform(*WARP), 0, ENVELOPE_POINTS - 1)
    low = at.astype(int)
    high = np.minimum(low + 1, ENVELOPE_POINTS - 1)
    share = (at - low).astype(np.float32)
    envelope = features.envelope[:, low] * (1 - share) + features.envelope[:, high] * share
    bends = rng.normal(0, 0.4, 6)
    envelope = envelope + np.interp(points, np.linspace(0, ENVELOPE_POINTS - 1, 6), bends)
    envelope = np.logaddexp(envelope, rng.uniform(*NOISE_FLOOR))
    return Features(features.f0_hz, envelope.astype(np.float32), features.aperiodicity)
