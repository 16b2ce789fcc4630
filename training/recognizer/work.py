"""The training material and networks of one language. Every step keeps its result in a folder."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from training import phrases
from training.recognizer import corpus, lexicon, people
from training.recognizer.network import Shape, Tdnn
from training.recognizer.objectives import FrameAndSequenceLoss, FrameLoss
from training.recognizer.phones import phone_set
from training.recognizer.speech import Lexicon
from training.recognizer.train import (
    Lesson,
    Pieces,
    Trained,
    log_probabilities,
    mean_of,
    train,
)

FRAME_RATE, SEQUENCE_RATE = 2e-3, 4e-4
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """The amounts of material and training. A part of synthetic speech is about 0.3 hours. Minutes
    of training are of one core, for each language."""

    aligner_parts: int = 16
    aligner_minutes: float = 8
    aligner_shape: Shape = Shape(width=384, narrow=96)
    synthetic_parts: int = 40
    first_minutes: float = 25
    people_clips: int = 6000
    """If a language has fewer, there are more versions of each, up to eight."""
    minutes: float = 35
    sequence_minutes: float = 20
    shape: Shape = Shape()
    most_pairs: int = 200_000
    most_triples: int = 200_000
    heard_sentences: int = 12_000
    """Spoken sentences in which pronunciations are counted."""
    most_words: int = 0
    most_clips: int = 0
    """Maximum number of people's clips; 0: all."""


_SMALL = Shape(128, 48)
SMOKE = Plan(1, 0.2, _SMALL, 1, 0.2, 40, 0.2, 0.2, _SMALL, 20_000, 20_000, 200, 2000, 40)


class Work:
    """The steps for one language."""

    def __init__(self, folder: Path, data: Path, language: phrases.Language, plan: Plan) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.language = folder, language
        self._data, self._plan = data, plan
        self._clips, self._dev_clips = people.clips(data, language)
        if plan.most_clips:
            self._clips = self._clips[: plan.most_clips]

    @property
    def outputs(self) -> int:
        """The number of the network's outputs."""
        return 2 * len(phone_set(self.language))

    def lexicon(self) -> Lexicon:
        """The pronunciations of all words."""
        path, plan = self.folder / "lexicon.json", self._plan
        if path.exists():
            return lexicon.read(path)
        said = [word for clip in self._clips + self._dev_clips for word in clip.words]
        words = lexicon.vocabulary(self._data, self.language, said, plan.most_words)
        return lexicon.pronounce(path, self._data, self.language, words, plan.heard_sentences)

    def synthetic(self, parts: int) -> list[Path]:
        """The parts of synthetic speech."""
        return corpus.synthetic_parts(self.folder / "speech", self.language, self._data, parts)

    def aligner(self) -> Trained:
        """A network that knows synthetic voices only."""
        plan = self._plan

        def speech() -> list[Speech]:
            parts = self.synthetic(plan.aligner_parts)
            return [(parts[:1], parts)]

        return taught([self], "aligner", speech, plan.aligner_shape, plan.aligner_minutes)[0]

    def people(self, turn: int, aligner: Trained) -> tuple[list[Path], list[Path]]:
        """Parts of people's speech, aligned for the first or second time: those for choices, and
        those for training. The second time, the latter are in several versions."""
        score = partial(log_probabilities, aligner)
        words = self.lexicon()
        copies = min(8, max(2, self._plan.people_clips // len(self._clips))) if turn == 2 else 1
        found = []
        for name, clips, versions in (
            ("dev", self._dev_clips, 1),
            ("people", self._clips, copies),
        ):
            folder = self.folder / f"{name}-{turn}"
            spoken = people.People(folder, self.language, clips, words, score)
            found.append(spoken.parts(versions))
        return found[0], found[1]


Speech = tuple[list[Path], list[Path]]


def taught(
    works: list[Work],
    name: str,
    speech: Callable[[], list[Speech]],
    shape: Shape,
    minutes: float,
    *,
    start: list[Trained] | None = None,
    by_sequence: bool = False,
) -> list[Trained]:
    """Train one network for each language; all share everything but their outputs. `start`:
    networks to begin with.

    `speech` returns each language's parts for measuring and for training.
    """
    files = [work.folder / f"{name}.pt" for work in works]
    if all(file.exists() for file in files):
        return [read(file) for file in files]
    spoken = speech()
    networks = (
        [each.network for each in start] if start else [Tdnn(shape, w.outputs) for w in works]
    )
    for network in networks[1:]:
        network.share(networks[0])
    learnt = [[path for path in parts if path not in dev] or parts for dev, parts in spoken]
    known = by_sequence and start
    mean = start[0].mean if known and start else mean_of(corpus.load(sum(learnt, [])))
    lessons, priors = list[Lesson](), list[Array]()
    for work, network, parts, (dev, _) in zip(works, networks, learnt, spoken, strict=True):
        pieces = Pieces(corpus.load(parts), shape, mean, spoilt=True)
        print(f"{name}, {work.language}: {pieces.hours:.1f} hours", flush=True)
        counted = pieces.priors(work.outputs)
        objective = (FrameAndSequenceLoss(pieces.outputs(), network, counted)
                     if by_sequence else FrameLoss())  # fmt: skip
        lessons.append(Lesson(network, objective, pieces, Pieces(corpus.load(dev), shape, mean)))
        # The sequence loss needs no priors.
        priors.append(np.ones_like(counted) if by_sequence else counted)
    train(lessons, minutes=minutes * len(works),
          learning_rate=SEQUENCE_RATE if by_sequence else FRAME_RATE,
          checkpoint=works[0].folder / f"{name}.checkpoint")  # fmt: skip
    for file, network, prior in zip(files, networks, priors, strict=True):
        kept = {"network": network.state_dict(), "shape": shape, "priors": prior, "mean": mean}
        torch.save(kept, file)
    return [read(file) for file in files]


def read(finished: Path) -> Trained:
    """Read a network that `taught` saved."""
    kept = torch.load(finished, weights_only=False)
    network = Tdnn(kept["shape"], len(kept["network"]["out.bias"]))
    network.load_state_dict(kept["network"])
    return Trained(network.eval(), kept["priors"], kept["mean"])
