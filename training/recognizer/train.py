"""Trains networks, frame by frame or by sequence, with checkpoints to continue from.

Languages are trained together: many people in one language help another of which few people were
recorded (Heigold et al. 2013). Only the outputs are separate.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from tqdm import tqdm

from training.recognizer.corpus import Utterance
from training.recognizer.frames import CEPSTRA, SUBSAMPLING, outputs_of, subtract_mean
from training.recognizer.network import Shape, Tdnn
from training.recognizer.spectrum import masks_and_warps, roomy_and_noisy

OUTPUTS = 50
"""Outputs of one piece: 1.5 s."""
BATCH = 64
_CHECKPOINT_S = 240.0
_NOTHING = 255
_MARGIN = 3
_SPOILT_SHARE = 0.4
Batch = tuple[torch.Tensor, torch.Tensor]


@dataclass
class Trained:
    """A network, the number of times that each output was correct in training, and the mean of all
    features."""

    network: Tdnn
    priors: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float32]


class Pieces:
    """All utterances in a row, minus their means, with the ends of each repeated.

    With `spoilt` some of them are put into a noisy room first.
    """

    def __init__(
        self,
        utterances: Iterable[Utterance],
        shape: Shape,
        mean: npt.NDArray[np.float32],
        *,
        spoilt: bool = False,
    ) -> None:
        rng = np.random.default_rng(1)
        self._shape = shape
        features: list[npt.NDArray[np.float16]] = []
        labels: list[npt.NDArray[np.uint8]] = []
        self._starts: list[int] = []
        self._frames: list[int] = []
        at, needed = 0, SUBSAMPLING * OUTPUTS + _MARGIN
        for each in utterances:
            cepstra = each.cepstra.astype(np.float32)
            if spoilt and rng.random() < _SPOILT_SHARE:
                cepstra = roomy_and_noisy(cepstra, rng)
            clean = subtract_mean(cepstra, mean, earlier(cepstra, rng)).astype(np.float16)
            short = max(0, needed - len(clean))
            around = (shape.left, shape.right + short)
            features.append(np.pad(clean, (around, (0, 0)), mode="edge"))
            labels.append(np.pad(each.labels, around, constant_values=_NOTHING))
            self._starts.append(at + shape.left)
            self._frames.append(len(clean))
            at += len(features[-1])
        self._features, self._labels = np.concatenate(features), np.concatenate(labels)
        self.hours = sum(self._frames) / 360000

    def epoch(self, rng: np.random.Generator, size: int = BATCH) -> Iterator[Batch]:
        """Batches of features [size, frames, 40] and outputs [size, 50] (-100: none). The cuts
        between pieces are shifted by a random 0 to 20 ms."""
        begins = []
        for start, frames in zip(self._starts, self._frames, strict=True):
            last = max(0, frames - SUBSAMPLING * OUTPUTS)
            count = -(-frames // (SUBSAMPLING * OUTPUTS))
            shift = int(rng.integers(0, SUBSAMPLING))
            begins += [start + min(last, n * SUBSAMPLING * OUTPUTS + shift) for n in range(count)]
        order = rng.permutation(begins)
        for at in range(0, max(1, len(order) - size + 1), size):
            yield self._batch(order[at : at + size])

    def _batch(self, begins: npt.NDArray[np.int64]) -> Batch:
        count = self._shape.left + self._shape.right + SUBSAMPLING * (OUTPUTS - 1) + 1
        rows = (begins - self._shape.left)[:, None] + np.arange(count)
        labels = self._labels[
            (begins - SUBSAMPLING)[:, None] + SUBSAMPLING * np.arange(OUTPUTS + 1)
        ]
        targets = np.stack([outputs_of(row)[1:] for row in labels]).astype(np.int64)
        targets[labels[:, 1:] == _NOTHING] = -100
        features = self._features[rows].astype(np.float32)
        return torch.from_numpy(features), torch.from_numpy(targets)

    def batches(self, rng: np.random.Generator, size: int) -> Iterator[Batch]:
        """Batches of one epoch after the other, endlessly."""
        while True:
            yield from self.epoch(rng, size)

    def outputs(self) -> npt.NDArray[np.int16]:
        """All aligned outputs, one utterance after the other."""
        labels = self._labels[_MARGIN::SUBSAMPLING]
        return outputs_of(labels)[labels != _NOTHING]

    def priors(self, outputs: int) -> npt.NDArray[np.float64]:
        """The share of each output."""
        counts = np.bincount(self.outputs(), minlength=outputs)[:outputs] + 1.0
        return np.asarray(counts / counts.sum())


def earlier(
    cepstra: npt.NDArray[np.float32], rng: np.random.Generator
) -> npt.NDArray[np.float32] | None:
    """The audio that the stream had before: none, the same voice, or some silence."""
    kind = rng.random()
    if kind < 0.4:
        return None
    if kind < 0.8:
        return cepstra[-int(rng.integers(100, 600)) :]
    return np.resize(cepstra[:4], (int(rng.integers(50, 600)), CEPSTRA))


def mean_of(utterances: Iterable[Utterance]) -> npt.NDArray[np.float32]:
    """The mean of all frames."""
    sums = [(each.cepstra.sum(0, dtype=np.float64), len(each.cepstra)) for each in utterances]
    total = np.sum([one for one, _ in sums], axis=0) / sum(count for _, count in sums)
    return np.asarray(total, np.float32)


@dataclass
class Lesson:
    """One language: its network, its training pieces, and its development pieces."""

    network: Tdnn
    objective: nn.Module
    pieces: Pieces
    check: Pieces


def train(
    lessons: Sequence[Lesson], *, minutes: float, learning_rate: float, checkpoint: Path
) -> None:
    """Train for `minutes` in total, over all runs. All networks share the layers of the first one
    (`Tdnn.share`). Every batch has the same amount of each language."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    networks = nn.ModuleList(lesson.network for lesson in lessons)
    both = nn.ModuleList([*networks, *(lesson.objective for lesson in lessons)]).to(device)
    optimiser = torch.optim.AdamW(both.parameters(), lr=learning_rate, weight_decay=1e-2)
    rng = np.random.default_rng(0)
    step, spent_s = _resume(checkpoint, both, optimiser, rng)
    limit_s, saved_s = 60 * minutes, spent_s
    bar = tqdm(total=round(limit_s), initial=round(spent_s), desc="training", unit="s")
    batches = [lesson.pieces.batches(rng, BATCH // len(lessons)) for lesson in lessons]
    while spent_s < limit_s:
        began = time.monotonic()
        drawn = [next(each) for each in batches]
        falling = 0.5 * (1 + np.cos(np.pi * spent_s / limit_s))
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * min(1.0, (step + 1) / 200) * max(0.01, falling)
        both.train()
        with torch.autocast(device.type, torch.bfloat16):
            loss = _loss(lessons, drawn, rng, device)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(both.parameters(), 5.0)
        optimiser.step()
        step += 1
        spent_s += time.monotonic() - began
        if step % 50 == 0:
            bar.n = round(min(spent_s, limit_s))
            bar.set_postfix(step=step, loss=f"{loss.item():.3f}")
        if spent_s - saved_s > _CHECKPOINT_S or spent_s >= limit_s:
            saved_s = spent_s
            state: dict[str, Any] = {
                "both": both.state_dict(), "optimiser": optimiser.state_dict(),
                "step": step, "spent_s": spent_s, "rng": rng.bit_generator.state,
            }  # fmt: skip
            torch.save(state, checkpoint.with_suffix(".partial"))
            checkpoint.with_suffix(".partial").rename(checkpoint)
            losses = ", ".join(f"{measured(lesson):.4f}" for lesson in lessons)
            tqdm.write(f"step {step}: loss of the check {losses}")
    bar.close()
    both.cpu().eval()


def _loss(
    lessons: Sequence[Lesson], drawn: Sequence[Batch], rng: np.random.Generator, device: Any
) -> torch.Tensor:
    """The mean over the languages, which pass through the shared layers together."""
    features = masks_and_warps(torch.cat([each for each, _ in drawn]).to(device), rng)
    deep = lessons[0].network.deep(features).split([len(each) for each, _ in drawn])
    losses = [
        lesson.objective(lesson.network, made, targets.to(device))
        for lesson, made, (_, targets) in zip(lessons, deep, drawn, strict=True)
    ]
    return torch.stack(losses).mean()


def _resume(
    checkpoint: Path, both: nn.Module, optimiser: Any, rng: np.random.Generator
) -> tuple[int, float]:
    """Restore the checkpoint. Returns the steps and seconds of the earlier runs."""
    if not checkpoint.exists():
        return 0, 0.0
    state = torch.load(checkpoint, weights_only=False)
    both.load_state_dict(state["both"])
    optimiser.load_state_dict(state["optimiser"])
    rng.bit_generator.state = state["rng"]
    return state["step"], state["spent_s"]


def measured(lesson: Lesson) -> float:
    """The mean loss of a lesson on its development pieces."""
    network, objective = lesson.network.eval(), lesson.objective
    device = next(network.parameters()).device
    with torch.no_grad():
        losses = [
            float(objective(network, network.deep(features.to(device)), targets.to(device)))
            for features, targets in lesson.check.epoch(np.random.default_rng(0))
        ]
    return float(np.mean(losses))


def log_probabilities(
    trained: Trained, cepstra: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """[outputs in time, network outputs] for MFCC [frames, 40], as in the middle of a stream."""
    clean = subtract_mean(cepstra, trained.mean, cepstra[-600:])
    shape = trained.network.shape
    padded = np.pad(clean, ((shape.left, shape.right), (0, 0)), mode="edge")
    with torch.no_grad():
        scores = trained.network(torch.from_numpy(padded)[None])[0]
        return torch.log_softmax(scores, 1).numpy()
