"""Makes recognisers in Vosk's format.

    python -m training.recognizer --language en|nl [en|nl] --out DIR [--data DIR] [--work DIR]
                                  [--smoke]

It speaks sentences with espeak-ng (and flite, for English), and degrades the audio as rooms,
microphones and Opus do. With a network trained on that it finds the times of the words in
recordings of people, twice. Then it trains a network on both, and writes a folder that Vosk loads.
Intermediate results are kept in the work folder; the same command continues from there after an
interruption. Needs libespeak-ng, and flite for English.

Two languages are trained together and share all layers but the last. There are recordings of only
few Dutch people, so Dutch learns from the English ones how people differ, and its last layer learns
the phones that Dutch has, too. OUT and the work folder then have a folder for each language.
"""

import argparse
import os
from dataclasses import replace
from pathlib import Path

import torch

from training import phrases
from training.data import DATA
from training.recognizer import package
from training.recognizer.train import Trained
from training.recognizer.work import SMOKE, Plan, Speech, Work, taught


class Course:
    """The steps of training. Each runs the steps that it needs first."""

    def __init__(self, works: list[Work], plan: Plan) -> None:
        self._works, self._plan = works, plan

    def speech(self) -> list[list[Path]]:
        """Synthetic speech."""
        return [work.synthetic(self._plan.synthetic_parts) for work in self._works]

    def aligner(self) -> list[Trained]:
        """Networks that know synthetic voices only, for the first alignment."""
        return [work.aligner() for work in self._works]

    def first(self) -> list[Trained]:
        """Networks trained on people as well, for a better alignment."""
        plan = self._plan

        def speech() -> list[Speech]:
            found = []
            for work, aligner in zip(self._works, self.aligner(), strict=True):
                dev, people = work.people(1, aligner)
                found.append((dev, people + work.synthetic(plan.aligner_parts)))
            return found

        return taught(self._works, "first", speech, plan.shape, plan.first_minutes)

    def again(self) -> list[Speech]:
        """All training speech, with people aligned for the second time."""
        found = []
        for work, first, synthetic in zip(self._works, self.first(), self.speech(), strict=True):
            dev, people = work.people(2, first)
            found.append((dev, people + synthetic))
        return found

    def frames(self) -> list[Trained]:
        """Networks trained frame by frame, beginning with the ``first`` ones."""
        plan = self._plan
        return taught(self._works, "frames", self.again, plan.shape, plan.minutes,
                      start=self.first())  # fmt: skip

    def final(self) -> list[Trained]:
        """The networks to ship: trained by sequence, beginning with those of ``frames``."""
        plan = self._plan
        return taught(self._works, "final", self.again, plan.shape, plan.sequence_minutes,
                      start=self.frames(), by_sequence=True)  # fmt: skip


STEPS = ("speech", "aligner", "first", "again", "frames", "final")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.recognizer", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--language", choices=phrases.LANGUAGES, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--work", type=Path, help="default: OUT with .work after it")
    parser.add_argument("--minutes", type=float, help="a language, of training frame by frame")
    parser.add_argument("--sequence-minutes", type=float, help="a language, of that by sequence")
    parser.add_argument("--until", choices=STEPS, help="stop after this step")
    parser.add_argument("--smoke", action="store_true", help="a toy model in under two minutes")
    arguments = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    torch.manual_seed(0)
    plan = SMOKE if arguments.smoke else Plan()
    if arguments.minutes:
        plan = replace(plan, minutes=arguments.minutes)
    if arguments.sequence_minutes:
        plan = replace(plan, sequence_minutes=arguments.sequence_minutes)
    out: Path = arguments.out
    folder: Path = arguments.work or out.with_name(out.name + ".work")
    languages: list[phrases.Language] = list(dict.fromkeys(arguments.language))
    outs, folders = ([each / f"recognizer-{language}" for language in languages]
                     if len(languages) > 1 else [each] for each in (out, folder))  # fmt: skip
    works = [
        Work(place, arguments.data, language, plan)
        for language, place in zip(languages, folders, strict=True)
    ]
    made = getattr(Course(works, plan), arguments.until or "final")()
    if arguments.until:
        return
    for work, trained, place in zip(works, made, outs, strict=True):
        words = work.lexicon()
        model = package.language_model(
            arguments.data, words, work.language, plan.most_pairs, plan.most_triples
        )
        package.write(place, trained, words, model, work.language)


if __name__ == "__main__":
    main()
