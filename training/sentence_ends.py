"""python -m training.sentence_ends [--data DIR]: trains the network of
``server.interpretation.sentence_ends``, in a minute a language. It learns from the text that the
translation model learns from, without the held-out part."""

import argparse
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from server.interpretation.sentence_ends import (
    AFTER,
    BEFORE,
    FILE,
    ROWS,
    bare,
    is_written_end,
    rows,
)
from training.data import DATA, LANGUAGES, Language
from training.translation.corpus import read_corpora
from training.translation.library import Text, read

#: Maximum number of sentences of a language, from each kind of text.
MOST: Final = 150_000
#: Length of the runs of sentences of one kind.
IN_A_ROW: Final = 8
#: How often the words of the sentence before are left out, as if it had been cut there correctly.
CUT_SHARE: Final = 0.8
#: How often only two of the following words are given.
TWO_SHARE: Final = 0.3
DIMENSION, UNITS = 24, 64
PASSES, BATCH, RATE, DECAY, DROPPED = 3, 4096, 3e-3, 1e-3, 0.2


class Learner(nn.Module):
    """The network, computed as the server does: see ``sentence_ends.log_odds``."""

    def __init__(self) -> None:
        super().__init__()
        self.vectors = nn.Embedding(ROWS, DIMENSION, padding_idx=0)
        nn.init.normal_(self.vectors.weight, std=0.1)
        self.inner = nn.Linear((BEFORE + AFTER) * DIMENSION, UNITS)
        self.dropout = nn.Dropout(DROPPED)
        self.outer = nn.Linear(UNITS, 1)

    def forward(self, around: Tensor) -> Tensor:
        """around: [N, BEFORE + AFTER, 2]. Returns the log odds [N]."""
        inner = torch.relu(self.inner(self.vectors(around).sum(2).flatten(1)))
        return self.outer(self.dropout(inner))[:, 0]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The weights, in the form in which the server reads them."""
        vectors = self.vectors.weight.detach()
        vectors[0] = 0
        scale = vectors.abs().max() / 127
        return {
            "vectors": (vectors / scale).round().to(torch.int8).numpy(),
            "scale": scale.numpy(),
            "inner": self.inner.weight.detach().T.half().numpy(),
            "inner_bias": self.inner.bias.detach().numpy(),
            "outer": self.outer.weight.detach()[0].numpy(),
            "outer_bias": self.outer.bias.detach()[0].numpy(),
        }


def sentences(texts: Sequence[Text], language: Language, rng: random.Random) -> Iterator[str]:
    """Some sentences of each kind of text, in runs of one kind."""
    kinds: dict[str, list[str]] = {}
    for text in texts:
        if language in text.languages and text.kind != "dictionary" and not text.archaic:
            side = text.languages.index(language)
            kinds.setdefault(text.kind, []).extend(pair[side] for pair in text.pairs)
    runs = []
    for found in kinds.values():
        ended = [each for each in dict.fromkeys(found) if each.endswith((".", "?", "!"))]
        rng.shuffle(ended)
        chosen = ended[:MOST]
        runs += [chosen[at : at + IN_A_ROW] for at in range(0, len(chosen), IN_A_ROW)]
    rng.shuffle(runs)
    return (each for run in runs for each in run)


def examples(
    sentences: Iterable[str], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The windows of the places between two words [N, BEFORE + AFTER, 2], and whether a sentence
    ends there [N]."""
    words = [(bare(word), is_written_end(word)) for text in sentences for word in text.split()]
    words = [(word, end) for word, end in words if word]
    ends = np.array([end for _, end in words])
    known = np.array([rows(word) for word, _ in words])
    count = len(known) - 1
    padded = np.concatenate([np.zeros((BEFORE, 2), int), known, np.zeros((AFTER, 2), int)])
    made = padded[1 + np.arange(count)[:, None] + np.arange(BEFORE + AFTER)]
    after_end = np.where(ends[:-1], np.arange(1, count + 1), 0)
    begins = np.concatenate([[0], np.maximum.accumulate(after_end)[:-1]])
    before = np.arange(1, count + 1) - begins  # words of the same sentence
    other = np.arange(BEFORE) < BEFORE - before[:, None]
    made[:, :BEFORE][other & (rng.random((count, 1)) < CUT_SHARE)] = 0
    made[rng.random(count) < TWO_SHARE, BEFORE + 2 :] = 0
    return made, ends[:-1]


def learn(around: NDArray[np.int64], ends: NDArray[np.bool_]) -> Learner:
    torch.manual_seed(1)
    inputs, wanted = torch.from_numpy(around), torch.from_numpy(ends).float()
    learner = Learner()
    optimiser = torch.optim.AdamW(learner.parameters(), lr=RATE, weight_decay=DECAY)
    steps = PASSES * (len(wanted) // BATCH + 1)
    falling = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.01, steps)
    for number in range(PASSES):
        total = 0.0
        for chosen in torch.randperm(len(wanted)).split(BATCH):
            loss = nn.functional.binary_cross_entropy_with_logits(
                learner(inputs[chosen]), wanted[chosen]
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            falling.step()
            total += loss.item() * len(chosen)
        print(f"  pass {number + 1}: {total / len(wanted):.4f} nats a place", flush=True)
    return learner.eval()


def main() -> None:
    parser = argparse.ArgumentParser(prog="training.sentence_ends", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with text/")
    parser.add_argument("--out", type=Path, default=FILE)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    texts = read(arguments.data, read_corpora(arguments.data))
    made: dict[str, NDArray[np.generic]] = {}
    for language in LANGUAGES:
        print(language, flush=True)
        found = sentences(texts, language, random.Random(1))
        arrays = learn(*examples(found, np.random.default_rng(1))).arrays()
        made |= {f"{language}.{name}": array for name, array in arrays.items()}
    np.savez_compressed(arguments.out, allow_pickle=False, **made)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
