"""python -m training.voice --language nl --out DIR: makes a voice that Piper loads.

If it is started again with the same --out, it continues from DIR.checkpoint, with the lessons in
DIR.lessons; --hours counts the CPU time of all sessions.
"""

import argparse
import pickle
import random
from pathlib import Path
from typing import Final

import torch

from training.data import DATA, LANGUAGES
from training.phrases import LANGUAGES as GRAMMATICAL
from training.voice import recordings
from training.voice.export import export
from training.voice.history import PERSON, History, describe
from training.voice.languages import TONGUES
from training.voice.lessons import Lesson
from training.voice.sentences import real_sentences, sentences
from training.voice.synthetic import lessons, varied_lessons
from training.voice.teachers import teacher_of
from training.voice.train import Training, evaluate, shown, start_at_average

HEARING_MINUTES: Final = 8.0
"""Of synthetic speech, to find the sounds of recordings."""
UNSEEN_MINUTES: Final = 1.5
PEAK_LEARNING_RATE: Final = 2e-3
FURTHER_PEAK_LEARNING_RATE: Final = 1e-3
"""Of a voice that begins as another."""
SMOKE_HOURS: Final = 25 / 3600
SMOKE_MINUTES: Final = 2.0
SMOKE_ALIGNER_STEPS: Final = (60, 20)


def _lessons(arguments: argparse.Namespace, teacher: str) -> tuple[list[Lesson], list[Lesson]]:
    """The lessons to learn from and the development lessons; made once and then kept."""
    kept: Path = arguments.out.with_name(arguments.out.name + ".lessons")
    if kept.exists():
        with kept.open("rb") as file:
            learnt, unseen = pickle.load(file)
        return learnt, unseen
    rng = random.Random(arguments.seed)
    known, unknown = real_sentences(arguments.language, arguments.data)
    texts = sentences(arguments.language, known, rng)
    if teacher.startswith(PERSON):
        folder = arguments.data / "corpora" / teacher.partition(":")[2]
        espeak_voice = TONGUES[arguments.language].espeak_voice
        heard = recordings.read(folder, espeak_voice, 60 * arguments.minutes, arguments.seed)
        hearing_minutes = min(HEARING_MINUTES, arguments.minutes)
        heard_before = varied_lessons(espeak_voice, texts, hearing_minutes, rng)
        steps = SMOKE_ALIGNER_STEPS if arguments.smoke else recordings.STEPS
        aligner = recordings.aligner_for(heard_before, heard, steps, arguments.seed)
        both = recordings.lessons_of(heard, aligner, arguments.seed)
        learnt, unseen = recordings.divided(both)
    else:
        copied = teacher_of(teacher)
        unseen_texts = sentences(arguments.language, unknown, rng)
        unseen = lessons(copied, unseen_texts, min(UNSEEN_MINUTES, arguments.minutes / 4), rng)
        learnt = lessons(copied, texts, arguments.minutes, rng)
    with kept.open("wb") as file:
        pickle.dump((learnt, unseen), file)
    return learnt, unseen


def main() -> None:
    parser = argparse.ArgumentParser(prog="training.voice", description=__doc__)
    parser.add_argument("--language", choices=LANGUAGES, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the voice")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with text/ and corpora/")
    parser.add_argument(
        "--teacher", help="espeak:VOICE, flite:VOICE or recordings:FOLDER (of corpora/)"
    )
    parser.add_argument("--start", type=Path, help="another voice's .checkpoint to begin from")
    parser.add_argument("--minutes", type=float, default=45.0, help="of speech to learn from")
    parser.add_argument("--hours", type=float, default=0.2, help="of training, all sessions added")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--smoke", action="store_true", help="a toy amount, in two minutes")
    arguments = parser.parse_args()
    if arguments.smoke:
        arguments.minutes, arguments.hours = SMOKE_MINUTES, SMOKE_HOURS
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    out: Path = arguments.out
    out.parent.mkdir(parents=True, exist_ok=True)
    tongue = TONGUES[arguments.language]
    teacher = arguments.teacher or tongue.teacher
    if arguments.language not in GRAMMATICAL and not list(arguments.data.glob("text/tatoeba-*")):
        parser.error(f"no Tatoeba sentences in {arguments.data / 'text'}: name --data")
    learnt, unseen = _lessons(arguments, teacher)
    checkpoint = out.with_name(out.name + ".checkpoint")
    peak = FURTHER_PEAK_LEARNING_RATE if arguments.start else PEAK_LEARNING_RATE
    training = Training(arguments.device, arguments.seed, peak)
    if checkpoint.exists():
        training.load(checkpoint)
    elif arguments.start:
        training.begin_as(arguments.start)
    else:
        start_at_average(training.model, learnt[:200])
    training.run(learnt, unseen, 3600 * arguments.hours, checkpoint)
    losses = evaluate(training.model, unseen)
    print(f"{training.step} steps; unseen: {shown(losses)}")
    history = History(
        language=arguments.language,
        teacher=teacher,
        start=arguments.start.name if arguments.start else "",
        minutes=arguments.minutes,
        phrases=arguments.language in GRAMMATICAL and not teacher.startswith(PERSON),
        hours=arguments.hours,
        steps=training.step,
        parameters=sum(weight.numel() for weight in training.model.parameters()),
        unseen=len(unseen),
        losses=losses,
    )
    history.write(out)
    path = export(training.model.cpu(), tongue.espeak_voice, out)
    describe(history, out)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
