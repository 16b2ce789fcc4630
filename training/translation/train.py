"""Trains the network for a given time. If it is started again, it continues."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, NoReturn

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.optim import _muon
from tqdm import tqdm

from training.translation.examples import Example
from training.translation.network import IGNORED, LEAN, Network
from training.translation.recipe import SHAPE, Recipe

#: Source [B, S], its lengths [B] and target [B, T], as ``Network.forward`` takes them.
Batch = tuple[Tensor, Tensor, Tensor]

SAVE_EVERY_S: Final = 240.0
_SHOWN_EVERY: Final = 20


def _orthogonal(
    grad: Tensor, ns_coefficients: tuple[float, float, float], ns_steps: int, eps: float
) -> Tensor:
    """Make a gradient orthogonal, as PyTorch's Muon does, but not in bfloat16: processors without
    it take a hundred times as long."""
    a, b, c = ns_coefficients
    tall = grad.size(0) > grad.size(1)
    made = grad.T if tall else grad
    made = made / made.norm().clamp(min=eps)
    for _ in range(ns_steps):
        gram = made @ made.T
        made = torch.addmm(made, torch.addmm(gram, gram, gram, beta=b, alpha=c), made, beta=a)
    return made.T if tall else made


if LEAN is torch.float32:
    _muon._zeropower_via_newtonschulz = _orthogonal


@dataclass
class Progress:
    """Totals of all sessions: the time spent in training, and the examples seen."""

    seconds: float = 0.0
    step: int = 0
    target_pieces: int = 0


class Training:
    """A network, the average of its weights, and the state of its optimisers.

    ``pieces``: the serialised SentencePiece model, which is saved with them.
    """

    def __init__(self, recipe: Recipe, pieces: bytes, vocabulary: int, device: str) -> None:
        self.recipe, self.pieces, self.device = recipe, pieces, device
        self.progress = Progress()
        self.network = Network(vocabulary, recipe).to(device)
        self.average = {name: w.detach().clone() for name, w in self.network.named_parameters()}
        hidden = [w for name, w in self.network.named_parameters() if _is_hidden(name, w)]
        others = [w for name, w in self.network.named_parameters() if not _is_hidden(name, w)]
        # Muon (Jordan et al. 2024) needs half as many steps as Adam to train a matrix.
        self._optimisers: list[torch.optim.Optimizer] = [
            torch.optim.Muon(hidden, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=0.0, fused=True),
        ]

    def begin_with(self, weights: Mapping[str, Tensor]) -> None:
        """Take these weights before the first step. Pieces and layers that they do not have stay as
        they are: a new layer begins with almost no effect."""
        known = weights["embedding.weight"]
        embedding = self.network.embedding.weight.detach().clone()
        embedding[: len(known)] = known
        state = {**self.network.state_dict(), **weights, "embedding.weight": embedding}
        self.network.load_state_dict(state)
        self.average = {name: w.detach().clone() for name, w in self.network.named_parameters()}

    def run(
        self,
        batches: Iterator[Batch],
        held_out: list[Batch],
        total_s: float,
        checkpoint: Path,
        stopped: Callable[[], bool],
    ) -> None:
        """Train until ``total_s`` seconds are spent over all sessions, or until ``stopped`` returns
        True.

        Saves regularly, and at the end; then prints the loss of the average on ``held_out``.
        """
        self.network.train()
        started = saved = time.monotonic()
        before = self.progress.seconds
        average = 0.0
        with tqdm(total=round(total_s), initial=round(before), unit="s", mininterval=5) as bar:
            while self.progress.seconds < total_s and not stopped():
                loss = self._step(next(batches), self.progress.seconds / total_s)
                now = time.monotonic()
                self.progress.seconds = before + now - started
                average = loss if average == 0.0 else 0.98 * average + 0.02 * loss
                if self.progress.step % _SHOWN_EVERY == 0:
                    bar.set_postfix(step=self.progress.step, loss=f"{average:.3f}", refresh=False)
                    bar.update(int(self.progress.seconds) - bar.n)
                if now - saved > SAVE_EVERY_S:
                    self._save_and_tell(bar, held_out, checkpoint)
                    saved = now
            self._save_and_tell(bar, held_out, checkpoint)

    def _save_and_tell(
        self, bar: "tqdm[NoReturn]", held_out: list[Batch], checkpoint: Path
    ) -> None:
        self.save(checkpoint)
        loss = f"held-out loss {self.loss_of_average(held_out):.3f} nats a piece"
        bar.write(f"step {self.progress.step}: {loss}, saved to {checkpoint}")

    def _step(self, batch: Batch, done: float) -> float:
        """One update. ``done``: the share of the training time that is spent. Returns the loss."""
        recipe, step = self.recipe, self.progress.step
        warm = min(1.0, (step + 1) / recipe.warm_up_steps)
        self.network.drop(0.0 if done < recipe.dropout_from else recipe.dropout)
        rate = recipe.learning_rate * warm * max(0.01, min(1.0, (1 - done) / recipe.final_share))
        with torch.autocast(self.device, torch.bfloat16, enabled=LEAN is torch.bfloat16):
            loss = self.network(*(part.to(self.device) for part in batch))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for optimiser in self._optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.step()
            optimiser.zero_grad()
        decay = min(recipe.average, (step + 1) / (step + 10))
        for name, weight in self.network.named_parameters():
            self.average[name].lerp_(weight.detach(), 1 - decay)
        self.progress.step += 1
        self.progress.target_pieces += int((batch[2] != IGNORED).sum())
        return loss.item()

    @torch.no_grad()
    def loss_of_average(self, held_out: list[Batch]) -> float:
        """The loss of the averaged weights, in nats per target piece."""
        weights = {name: w.detach().clone() for name, w in self.network.named_parameters()}
        self.network.load_state_dict(self.average)
        self.network.eval()
        total = pieces = 0.0
        for batch in held_out:
            count = int((batch[2] != IGNORED).sum())
            with torch.autocast(self.device, torch.bfloat16, enabled=LEAN is torch.bfloat16):
                total += count * self.network(*(part.to(self.device) for part in batch)).item()
            pieces += count
        self.network.load_state_dict(weights)
        self.network.train()
        return total / max(1.0, pieces)

    def save(self, checkpoint: Path) -> None:
        """Save everything needed to continue, atomically."""
        partly = checkpoint.with_suffix(".partly")
        state = {
            "recipe": asdict(self.recipe),
            "pieces": self.pieces,
            "progress": asdict(self.progress),
            "network": self.network.state_dict(),
            "average": self.average,
            "optimisers": [optimiser.state_dict() for optimiser in self._optimisers],
            "torch_rng": torch.get_rng_state(),
        }
        torch.save(state, partly)
        partly.replace(checkpoint)

    @classmethod
    def load(cls, checkpoint: Path, recipe: Recipe, device: str) -> "Training":
        """Continue from what ``save`` wrote, with a network of the same shape and the rest of
        ``recipe``.

        So shares and rates may change from session to session.
        """
        state: dict[str, Any] = torch.load(checkpoint, map_location=device, weights_only=True)
        vocabulary = len(state["average"]["embedding.weight"])
        shape = {name: state["recipe"][name] for name in SHAPE}
        training = cls(replace(recipe, **shape), state["pieces"], vocabulary, device)
        training.progress = Progress(**state["progress"])
        training.network.load_state_dict(state["network"])
        training.average = state["average"]
        for optimiser, kept in zip(training._optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(kept)
        torch.set_rng_state(state["torch_rng"].cpu())
        return training


def tensors(examples: list[Example]) -> Batch:
    """The examples as one padded batch."""
    sources = [torch.tensor(source) for source, _ in examples]
    targets = [torch.tensor(target) for _, target in examples]
    source = pad_sequence(sources, batch_first=True)
    target = pad_sequence(targets, batch_first=True, padding_value=IGNORED)
    return source, torch.tensor([len(ids) for ids in sources]), target


def _is_hidden(name: str, weight: Tensor) -> bool:
    return weight.ndim == 2 and not name.startswith("embedding")
