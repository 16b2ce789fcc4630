"""Trains the acoustic model on lessons, in minutes on one core, or on a GPU."""

import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm

from training.voice.acoustic import BANDS, Acoustic
from training.voice.features import ENVELOPE_FLOOR, ENVELOPE_POINTS
from training.voice.lessons import Lesson

BATCH: Final = 8
WARM_UP_STEPS: Final = 100
SHOW_EVERY: Final = 250
SAVE_EVERY_S: Final = 240
LOSS_WEIGHTS: Final = {
    "duration": 1.0, "envelope": 2.0, "movement": 1.0, "pitch": 3.0, "voicing": 0.5, "noise": 1.0,
}  # fmt: skip


@dataclass(frozen=True)
class Batch:
    ids: Tensor
    """[B, T] int64, padded with zeros."""
    lengths: Tensor
    """[B] int64."""
    frames: Tensor
    """[B, T] float: durations as spoken."""
    stretch: Tensor
    """[B, 1]."""
    wanted: Tensor
    """[B, S, OUTPUTS]."""
    mask: Tensor
    """[B, S]: 1 where there is sound."""

    def to(self, device: str | torch.device) -> "Batch":
        return Batch(*(getattr(self, each.name).to(device) for each in fields(self)))


def batch_of(lessons: list[Lesson]) -> Batch:
    wanted = [torch.from_numpy(_targets(lesson)) for lesson in lessons]
    mask = pad_sequence([torch.ones(len(rows)) for rows in wanted], batch_first=True)
    ids = pad_sequence([torch.tensor(lesson.ids) for lesson in lessons], batch_first=True)
    frames = [torch.tensor(lesson.frames, dtype=torch.float32) for lesson in lessons]
    return Batch(
        ids,
        torch.tensor([len(lesson.ids) for lesson in lessons]),
        pad_sequence(frames, batch_first=True),
        torch.tensor([[lesson.stretch] for lesson in lessons]),
        pad_sequence(wanted, batch_first=True),
        mask,
    )


def _targets(lesson: Lesson) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """[S, OUTPUTS]; log f0 is 0 where there is no voicing."""
    heard = lesson.features
    log_f0 = np.log(np.maximum(heard.f0_hz, 1))[:, None]
    voiced = (heard.f0_hz > 0)[:, None]
    parts = [log_f0, voiced, heard.aperiodicity, heard.envelope]
    return np.concatenate(parts, axis=1, dtype=np.float32)


def losses(model: Acoustic, batch: Batch) -> dict[str, Tensor]:
    """The losses, each averaged over what it is about: phonemes, subframes, voiced subframes."""
    with torch.autocast(batch.ids.device.type, torch.bfloat16, enabled=model.training):
        states, frames = model.encode(batch.ids, batch.lengths)
        total = batch.wanted.shape[1] // 2
        made = model.decode(states.float(), batch.frames, total)
    spoken = (batch.ids != 0).float()
    # Durations are learnt at normal speed; Piper's length_scale multiplies them.
    normal = batch.frames / batch.stretch
    off = (torch.log1p(frames) - torch.log1p(normal)).abs() + 0.02 * (frames - normal).abs()
    wanted, mask = batch.wanted, batch.mask
    voiced = wanted[..., 1] * mask
    band = slice(2, 2 + BANDS)
    made_envelope, envelope = made[..., -ENVELOPE_POINTS:], wanted[..., -ENVELOPE_POINTS:]
    # Silence is long and easy to learn, so speech counts up to four times as much.
    weight = mask * (0.25 + 0.75 * ((envelope.amax(-1) - ENVELOPE_FLOOR) / 8).clamp(0, 1))
    movement = made_envelope.diff(dim=1) - envelope.diff(dim=1)
    voicing = F.binary_cross_entropy_with_logits(made[..., 1], wanted[..., 1], reduction="none")
    return {
        "duration": _mean(off, spoken),
        "envelope": _mean((made_envelope - envelope).abs().mean(-1), weight),
        "movement": _mean(movement.abs().mean(-1), weight[:, 1:]),
        "pitch": _mean((made[..., 0] - wanted[..., 0]).abs(), voiced),
        "voicing": _mean(voicing, mask),
        "noise": _mean((made[..., band] - wanted[..., band]).abs().mean(-1), mask),
    }


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp(min=1)


def start_at_average(model: Acoustic, lessons: list[Lesson]) -> None:
    """Set the output bias to the average sound, so that training begins with speech."""
    rows = np.concatenate([_targets(lesson) for lesson in lessons])
    average = torch.from_numpy(rows.mean(0))
    average[0] = float(rows[rows[:, 1] > 0, 0].mean())
    average[1] = 0
    with torch.no_grad():
        model.out.bias.copy_(average.repeat(2))


def _batches(lessons: list[Lesson], rng: random.Random) -> Iterator[Batch]:
    """Endless batches of sentences of similar length."""
    while True:
        order = sorted(lessons, key=lambda lesson: sum(lesson.frames) + rng.gauss(0, 30))
        starts = list(range(0, len(order), BATCH))
        rng.shuffle(starts)
        for start in starts:
            yield batch_of(order[start : start + BATCH])


class Training:
    """A model in training, with a checkpoint file to continue from."""

    def __init__(self, device: str, seed: int, peak_learning_rate: float) -> None:
        self.model = Acoustic().to(device)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), betas=(0.9, 0.98), weight_decay=0.01
        )
        self.step = 0
        self.seconds = 0.0
        """Of processor time, in all sessions."""
        self._device, self._seed, self._peak = device, seed, peak_learning_rate

    def load(self, checkpoint: Path) -> None:
        kept = torch.load(checkpoint, weights_only=True, map_location=self._device)
        self.model.load_state_dict(kept["weights"])
        self.optimizer.load_state_dict(kept["optimizer"])
        self.step, self.seconds = kept["step"], kept["seconds"]

    def begin_as(self, checkpoint: Path) -> None:
        """Take over the weights of another voice, and nothing else."""
        kept = torch.load(checkpoint, weights_only=True, map_location=self._device)
        self.model.load_state_dict(kept["weights"])

    def save(self, checkpoint: Path) -> None:
        kept = {
            "weights": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
            "step": self.step, "seconds": self.seconds,
        }  # fmt: skip
        beside = checkpoint.with_name(checkpoint.name + ".new")
        torch.save(kept, beside)
        beside.replace(checkpoint)

    def run(
        self, lessons: list[Lesson], unseen: list[Lesson], seconds: float, checkpoint: Path
    ) -> None:
        """Train until `seconds` of CPU time are spent in all sessions together."""
        batches = _batches(lessons, random.Random(f"{self._seed} {self.step}"))
        saved_s = began_s = time.process_time() - self.seconds
        total_s = round(seconds)
        with tqdm(total=total_s, initial=round(self.seconds), unit="s") as bar:
            while self.seconds < seconds:
                self._learn(next(batches), self.seconds / seconds)
                self.seconds = time.process_time() - began_s
                bar.update(min(round(self.seconds), total_s) - bar.n)
                if self.step % SHOW_EVERY == 0:
                    bar.write(f"step {self.step}  {shown(evaluate(self.model, unseen))}")
                if time.process_time() - saved_s > SAVE_EVERY_S:
                    self.save(checkpoint)
                    saved_s = time.process_time()
        self.save(checkpoint)

    def _learn(self, batch: Batch, fraction: float) -> None:
        """One step. `fraction`: the progress, 0 to 1; the learning rate falls with half a
        cosine."""
        self.step += 1
        rate = max(0.01, 0.5 * (1 + math.cos(math.pi * fraction)))
        for group in self.optimizer.param_groups:
            group["lr"] = self._peak * min(1, self.step / WARM_UP_STEPS) * rate
        self.model.train()
        each = losses(self.model, batch.to(self._device))
        total = torch.stack([weight * each[name] for name, weight in LOSS_WEIGHTS.items()]).sum()
        self.optimizer.zero_grad()
        torch.autograd.backward(total)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()


def shown(found: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.3f}" for name, value in found.items())


def evaluate(model: Acoustic, lessons: list[Lesson]) -> dict[str, float]:
    model.eval()
    device = model.out.bias.device
    with torch.no_grad():
        each = [losses(model, batch_of([lesson]).to(device)) for lesson in lessons]
    return {name: float(np.mean([float(one[name]) for one in each])) for name in LOSS_WEIGHTS}
