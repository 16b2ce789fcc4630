"""Make a recogniser in Vosk's format.

    python -m training.recognizer --language en|nl --out DIR [--data DIR] [--work DIR] [--smoke]
                                  [--start PT]

Speaks sentences with espeak-ng (and flite, for English), spoils the speech as rooms, microphones
and Opus do; learns from that when people in the corpora said what, twice; trains a network on
both; and writes a folder that Vosk loads. What is made on the way is kept in the work folder, and
the same command goes on from there after it was stopped. Needs libespeak-ng, for English flite.

A language with few speakers starts from a network that has heard many of another language:
`--start` with a file such as frames.pt in that one's work folder. It aligns people at once.
"""

import argparse
import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from training import phrases
from training.data import DATA
from training.recognizer import corpus, lexicon, package, people
from training.recognizer.network import Shape, Tdnn
from training.recognizer.phones import phone_set
from training.recognizer.speech import Lexicon
from training.recognizer.train import (
    FrameAndSequenceLoss,
    FrameLoss,
    Pieces,
    Trained,
    log_probabilities,
    mean_of,
    train,
)

_FRAME_RATE, _SEQUENCE_RATE = 2e-3, 4e-4


@dataclass(frozen=True)
class Plan:
    """How much of everything. A part of synthetic speech is about 0.3 hours."""

    aligner_parts: int = 16
    aligner_minutes: float = 8
    aligner_shape: Shape = Shape(width=384, narrow=96)
    synthetic_parts: int = 40
    first_minutes: float = 25
    people_copies: int = 2
    minutes: float = 35
    sequence_minutes: float = 20
    shape: Shape = Shape()
    most_pairs: int = 200_000
    most_triples: int = 200_000
    heard_sentences: int = 12_000
    """In which pronunciations are counted."""
    most_words: int = 0
    most_clips: int = 0
    """Of people; 0: all."""


_SMALL = Shape(128, 48)
_SMOKE = Plan(1, 0.2, _SMALL, 1, 0.2, 1, 0.2, 0.2, _SMALL, 20_000, 20_000, 200, 2000, 40)


class Work:
    """One recogniser in the making; every step keeps what it made in `folder`."""

    def __init__(
        self, folder: Path, data: Path, language: phrases.Language, plan: Plan,
        start: Path | None = None,
    ) -> None:  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._data, self._language, self._plan = folder, data, language, plan
        self._start = start
        self._outputs = 2 * len(phone_set(language))
        self._clips, self._dev_clips = people.clips(data, language)
        if plan.most_clips:
            self._clips = self._clips[: plan.most_clips]

    def lexicon(self) -> Lexicon:
        """Every word's pronunciations."""
        path, plan = self._folder / "lexicon.json", self._plan
        if path.exists():
            return lexicon.read(path)
        said = [word for clip in self._clips + self._dev_clips for word in clip.words]
        words = lexicon.vocabulary(self._data, self._language, said, plan.most_words)
        return lexicon.pronounce(path, self._data, self._language, words, plan.heard_sentences)

    def synthetic(self, parts: int) -> list[Path]:
        """Synthetic speech."""
        return corpus.synthetic_parts(self._folder / "speech", self._language, self._data, parts)

    def aligner(self) -> Trained:
        """A network that knows synthetic voices only, or people of another language too."""
        plan, parts = self._plan, self.synthetic(self._plan.aligner_parts)
        shape, start = plan.aligner_shape, None
        if self._start:
            trained = _read(self._start)
            shape = trained.network.shape
            start = Tdnn(shape, self._outputs)
            start.take(trained.network)
        return self._trained("aligner", parts[:1], parts, shape, plan.aligner_minutes, start=start)

    def people(self, turn: int, aligner: Trained, copies: int) -> tuple[list[Path], list[Path]]:
        """Parts of people's speech, aligned for the first or second time: to choose by, and to
        learn from."""
        score = partial(log_probabilities, aligner)
        words = self.lexicon()
        found = []
        for name, clips, versions in (
            ("dev", self._dev_clips, 1),
            ("people", self._clips, copies),
        ):
            folder = self._folder / f"{name}-{turn}"
            spoken = people.People(folder, self._language, clips, words, score)
            found.append(spoken.parts(versions))
        return found[0], found[1]

    def first(self) -> Trained:
        """A network that has heard people, to align them better."""
        plan = self._plan
        if self._start:
            return self.aligner()
        dev, spoken = self.people(1, self.aligner(), 1)
        parts = spoken + self.synthetic(plan.aligner_parts)
        return self._trained("first", dev, parts, plan.shape, plan.first_minutes)

    def again(self) -> tuple[list[Path], list[Path]]:
        """All that is learnt from, people aligned a second time."""
        return self.people(2, self.first(), self._plan.people_copies)

    def frames(self) -> Trained:
        """A network that learnt frame by frame, from where the first one was."""
        dev, spoken = self.again()
        parts = spoken + self.synthetic(self._plan.synthetic_parts)
        return self._trained("frames", dev, parts, self._plan.shape, self._plan.minutes,
                             start=self.first().network)  # fmt: skip

    def final(self) -> Trained:
        """The network that is shipped: by sequence after frame by frame."""
        dev, spoken = self.again()
        parts = spoken + self.synthetic(self._plan.synthetic_parts)
        return self._trained("final", dev, parts, self._plan.shape, self._plan.sequence_minutes,
                             before=self.frames())  # fmt: skip

    def _trained(
        self, name: str, dev: list[Path], parts: list[Path], shape: Shape, minutes: float,
        *, start: Tdnn | None = None, before: Trained | None = None,
    ) -> Trained:  # fmt: skip
        """Train frame by frame, perhaps from `start`, or, from `before`, by
        sequence."""
        finished = self._folder / f"{name}.pt"
        if finished.exists():
            return _read(finished)
        learnt = [path for path in parts if path not in dev] or parts
        mean = before.mean if before else mean_of(corpus.load(learnt))
        check = Pieces(corpus.load(dev), shape, mean)
        pieces = Pieces(corpus.load(learnt), shape, mean, spoilt=True)
        print(f"{name}: {pieces.hours:.1f} hours", flush=True)
        network = before.network if before else start or Tdnn(shape, self._outputs)
        priors = pieces.priors(self._outputs)
        objective = FrameAndSequenceLoss(pieces, network, priors) if before else FrameLoss()
        train(network, objective, pieces, check, minutes=minutes,
              learning_rate=_SEQUENCE_RATE if before else _FRAME_RATE,
              checkpoint=self._folder / f"{name}.checkpoint")  # fmt: skip
        # The sequence loss has no priors in it: what comes out is compared as it is.
        trained = Trained(network, np.ones_like(priors) if before else priors, mean)
        kept = {"network": network.state_dict(), "shape": shape,
                "priors": trained.priors, "mean": mean}  # fmt: skip
        torch.save(kept, finished)
        return trained

    def make(self, step: str) -> None:
        """One step and what comes before it."""
        if step == "speech":
            self.synthetic(self._plan.synthetic_parts)
        elif step == "aligner":
            self.aligner()
        elif step == "first":
            self.first()
        elif step == "again":
            self.again()
        elif step == "frames":
            self.frames()
        else:
            self.final()

    def write(self, out: Path) -> None:
        """The folder that Vosk loads."""
        trained, words = self.final(), self.lexicon()
        model = package.language_model(
            self._data, words, self._language, self._plan.most_pairs, self._plan.most_triples
        )
        package.write(out, trained, words, model, self._language)


def _read(finished: Path) -> Trained:
    kept = torch.load(finished, weights_only=False)
    network = Tdnn(kept["shape"], len(kept["network"]["out.bias"]))
    network.load_state_dict(kept["network"])
    return Trained(network.eval(), kept["priors"], kept["mean"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.recognizer", description=__doc__)
    parser.add_argument("--language", choices=phrases.LANGUAGES, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--work", type=Path, help="default: OUT with .work after it")
    parser.add_argument("--start", type=Path, help="a network of another language to start from")
    parser.add_argument("--minutes", type=float, help="of training frame by frame")
    steps = ("speech", "aligner", "first", "again", "frames", "final", "model")
    parser.add_argument("--until", choices=steps, default="model", help="stop after this step")
    parser.add_argument("--smoke", action="store_true", help="a toy model in under two minutes")
    arguments = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    torch.manual_seed(0)
    plan = _SMOKE if arguments.smoke else Plan()
    if arguments.minutes:
        plan = replace(plan, minutes=arguments.minutes)
    folder = arguments.work or arguments.out.with_name(arguments.out.name + ".work")
    work = Work(folder, arguments.data, arguments.language, plan, arguments.start)
    if arguments.until == "model":
        work.write(arguments.out)
    else:
        work.make(arguments.until)


if __name__ == "__main__":
    main()
