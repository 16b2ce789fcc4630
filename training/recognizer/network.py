"""The acoustic model: a time-delay network (Peddinti et al. 2015), trained frame by frame.

Convolutions are valid ones on features whose ends are repeated, as Kaldi does at the ends of an
utterance; so each BatchNorm folds into the affine layer after it.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from training.recognizer.features import CEPSTRA, SUBSAMPLING, Features

CONTEXT = 2 + 1 + 4 * 3
"""Frames of 10 ms that the network sees on either side."""
SPLICES = ((-2, -1, 0, 1, 2), (-1, 0, 1), *[(-3, 0, 3)] * 4)
"""Inputs of each layer, in frames of 10 ms; from the second layer on every third is computed."""
_CHUNK = 50  # outputs
_BATCH = 64
_LEARNING_RATE = 2e-3


class Tdnn(nn.Module):
    """[batch, 40, frames] to [batch, outputs, (frames - 2 CONTEXT) / 3], unnormalised."""

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        self.width = width
        self.outputs = outputs
        self.scale = nn.BatchNorm1d(CEPSTRA, affine=False)
        self.layers = nn.ModuleList(
            [nn.Conv1d(CEPSTRA, width, 5), nn.Conv1d(width, width, 3, stride=SUBSAMPLING)]
            + [nn.Conv1d(width, width, 3) for _ in SPLICES[2:]]
        )
        self.norms = nn.ModuleList([nn.BatchNorm1d(width, affine=False) for _ in SPLICES])
        self.out = nn.Conv1d(width, outputs, 1)
        self.drop = nn.Dropout(0.1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        hidden = self.scale(features)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            hidden = self.drop(norm(torch.relu(layer(hidden))))
        return self.out(hidden)  # type: ignore[no-any-return]


@dataclass
class Corpus:
    """Features [frames, 40] and labels [frames / 3] of every utterance."""

    features: list[Features]
    labels: list[npt.NDArray[np.int16]]


@dataclass
class Trained:
    """A network and how often each output was right in training."""

    network: Tdnn
    priors: npt.NDArray[np.float64]


def chunks(corpus: Corpus) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.int16]]:
    """All speech in pieces of 1.5 s: [n, frames, 40] and [n, outputs], -100 where there is none."""
    needed = SUBSAMPLING * (_CHUNK - 1) + 1 + 2 * CONTEXT
    inputs, targets = [], []
    for features, labels in zip(corpus.features, corpus.labels, strict=True):
        padded = np.pad(features, ((CONTEXT, CONTEXT + needed), (0, 0)), mode="edge")
        for start in range(0, len(labels), _CHUNK):
            start = min(start, max(0, len(labels) - _CHUNK))
            piece = labels[start : start + _CHUNK]
            inputs.append(padded[SUBSAMPLING * start :][:needed].astype(np.float16))
            targets.append(np.pad(piece, (0, _CHUNK - len(piece)), constant_values=-100))
    return np.stack(inputs), np.stack(targets)


def train(corpus: Corpus, outputs: int, *, width: int, minutes: float) -> Trained:
    """Train for `minutes` of processor time; the first fiftieth of the corpus measures."""
    held = max(1, len(corpus.features) // 50)
    check = chunks(Corpus(corpus.features[:held], corpus.labels[:held]))
    inputs, targets = chunks(Corpus(corpus.features[held:], corpus.labels[held:]))
    network = Tdnn(width, outputs)
    optimiser = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=1e-3,
                                  fused=True)  # fmt: skip
    rng = np.random.default_rng(0)
    loss_of = nn.CrossEntropyLoss(ignore_index=-100)
    started, step = time.process_time(), 0
    network.train()
    for batch in _batches(len(inputs), rng):
        done = (time.process_time() - started) / (60 * minutes)
        if done >= 1:
            break
        rate = min(1.0, (step + 1) / 100) * max(0.01, 0.5 * (1 + np.cos(np.pi * done)))
        for group in optimiser.param_groups:
            group["lr"] = _LEARNING_RATE * rate
        features = torch.from_numpy(inputs[batch].astype(np.float32)).transpose(1, 2)
        with torch.autocast("cpu", torch.bfloat16):
            scores = network(_masked(features, rng))
        loss = loss_of(scores.float(), torch.from_numpy(targets[batch]).long())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        step += 1
        if step % 200 == 0:
            print(f"step {step}  {100 * done:.0f} %  loss {loss.item():.3f}", flush=True)
    network.eval()
    print(f"trained {step} steps; frames right: {_accuracy(network, check):.3f}", flush=True)
    counts = np.bincount(targets[targets >= 0], minlength=outputs) + 1.0
    return Trained(network, counts / counts.sum())


def _batches(n: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
    while True:
        yield from np.array_split(rng.permutation(n), max(1, n // _BATCH))


def _masked(features: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Now and then freeze a tenth of a second, as SpecAugment hides it (Park et al. 2019)."""
    if rng.random() < 0.7:
        start = int(rng.integers(features.shape[2] - 12))
        end = start + int(rng.integers(1, 12))
        features[:, :, start:end] = features[:, :, start : start + 1]
    return features


def _accuracy(network: Tdnn, check: tuple[npt.NDArray[np.float16], npt.NDArray[np.int16]]) -> float:
    with torch.no_grad():
        scores = network(torch.from_numpy(check[0].astype(np.float32)).transpose(1, 2))
    right = (scores.argmax(1).numpy() == check[1]) & (check[1] >= 0)
    return float(right.sum() / (check[1] >= 0).sum())
