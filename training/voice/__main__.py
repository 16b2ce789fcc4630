"""python -m training.voice --language nl --out DIR: from nothing to a voice that Piper loads."""

import argparse
import pickle
import random
from pathlib import Path
from typing import Final

import torch

from training.phrases import LANGUAGES, Language
from training.voice.acoustic import Acoustic
from training.voice.export import export
from training.voice.lessons import Lesson, lessons, sentences
from training.voice.teachers import Teacher, teacher_of
from training.voice.train import start_at_average, train

TEACHERS: Final[dict[Language, str]] = {"nl": "espeak:nl", "en": "flite:slt"}
UNSEEN_LESSONS: Final = 24


def _prepare(arguments: argparse.Namespace, teacher: Teacher) -> list[Lesson]:
    """Lessons of the teacher, from the cache where `--lessons` names one that exists."""
    cache: Path | None = arguments.lessons
    if cache is not None and cache.exists():
        with cache.open("rb") as file:
            return list(pickle.load(file))
    rng = random.Random(arguments.seed)
    texts = sentences(arguments.language, arguments.text, rng)
    learnt = lessons(teacher, texts, arguments.minutes, rng)
    if cache is not None:
        with cache.open("wb") as file:
            pickle.dump(learnt, file)
    return learnt


def main() -> None:
    parser = argparse.ArgumentParser(prog="training.voice", description=__doc__)
    parser.add_argument("--language", choices=LANGUAGES, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the voice")
    parser.add_argument("--teacher", help="espeak:VOICE or flite:VOICE")
    parser.add_argument("--text", type=Path, help="English and Dutch sentence pairs, .tsv.xz")
    parser.add_argument("--lessons", type=Path, help="file that keeps the lessons between runs")
    parser.add_argument("--weights", type=Path, help="file to go on from and to keep them in")
    parser.add_argument("--minutes", type=float, default=45.0, help="of speech to learn from")
    parser.add_argument("--steps", type=int, default=5000, help="of training")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--smoke", action="store_true", help="a toy amount, in two minutes")
    arguments = parser.parse_args()
    if arguments.smoke:
        arguments.minutes, arguments.steps = 2.0, 100
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    teacher = teacher_of(arguments.teacher or TEACHERS[arguments.language])
    learnt = _prepare(arguments, teacher)
    unseen, seen = learnt[:UNSEEN_LESSONS], learnt[UNSEEN_LESSONS:]
    model = Acoustic()
    weights: Path | None = arguments.weights
    if weights is not None and weights.exists():
        model.load_state_dict(torch.load(weights, weights_only=True))
    else:
        start_at_average(model, seen[:200])
    found = train(model, seen, unseen, arguments.steps, arguments.seed)
    if weights is not None:
        torch.save(model.state_dict(), weights)
    path = export(model, teacher.espeak_voice, arguments.out)
    print({name: round(value, 4) for name, value in found.items()})
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
