"""How well, how soon and at what cost people are recognised, in talks of people reading aloud.

    python -m tools.evaluate hearing [--json] [--quick] [--recognizer NAME,NAME]
        [--models FOLDER …] [--only ROW …] [--virtual] [--development] [--help]

A recogniser is "vosk", the shipped one, or the name of a Whisper model in one of the FOLDERs.
Talks go through a whole server in real time. ``--virtual`` runs only the interpreter, with a clock
that moves on by the processor time that it uses. This is also how a language is measured that the
shipped models cannot translate (German), because a server refuses its speakers. ``--development``
takes the talks that may be used for tuning, and has no bounds. Words are compared without case and
punctuation, and with titles written out. Numbers in figures count as wrong if they were read in
words.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import jiwer

from server.config import STARTER_MODELS
from server.interpretation.types import Pcm
from server.interpretation.whisper_model import WhisperModel
from server.models.catalogue import Catalogue
from tools.evaluate import halls, hearing_live, hearing_names, hearing_virtual, identification
from tools.evaluate.captions import displayed
from tools.evaluate.hearing_engines import NAMES, VOSK, aligner, found, recognizer, server_options
from tools.evaluate.hearing_run import Run, figures, words_compared
from tools.evaluate.people import TEST, in_a_room, talk
from tools.evaluate.talks import Talk, cache_folder
from tools.figures import Figure, measuring_parser, report

ROWS = ("talks", "room", "noises", "names", "memory", "language")
QUICK_ROWS = ("talks", "noises")
MINUTES, QUICK_MINUTES = 10.0, 0.25
NOISE_S, QUICK_NOISE_S = 600, 10
#: Bounds by recogniser and language, then by figure.
BOUNDS = {
    "whisper-base": {
        "en": {
            "words_wrong": 7.0,
            "certain_after_p50": 1.6,
            "certain_after_p90": 2.4,
            "cpu_interpreter": 0.45,
        },
        "nl": {"words_wrong": 22.0},
        "de": {},
    },
    "whisper-tiny.en": {
        "en": {
            "words_wrong": 7.5,
            "certain_after_p50": 1.2,
            "certain_after_p90": 1.9,
            "cpu_interpreter": 0.30,
        },
    },
}
#: Bounds of every Whisper model in every language.
ALWAYS = {
    "shown_after_p50": 0.8,
    "shown_after_p95": 1.5,
    "certain_words_changed": 0.0,
    "memory_growth": 5.0,
}
#: Talks of this length on have a bound on the growth of the lag, in seconds. It is not 0 because
#: the parts of a talk have different speakers.
LONG_MINUTES, LONG_GROWTH_S = 60, 0.1
ROOM_POINTS = 8.0
MEMORY_TARGETS, MEMORY_MINUTES, MEMORY_MB = ("nl", "de"), 1.0, 650


def main(words: Sequence[str]) -> int:
    """Run it. Returns the exit status: 1 if a bound does not hold."""
    options = _parser().parse_args(words)
    names = options.recognizer or NAMES
    if options.quick:
        names = options.recognizer or (NAMES[1:2] if options.models else NAMES[:1])
        options.minutes, options.languages = QUICK_MINUTES, ["en"]
        options.only = [row for row in options.only if row in QUICK_ROWS]
    made = [
        figure
        for name in names
        for language in options.languages
        for figure in _measured(name, language, options)
    ]
    if "language" in options.only:
        made += _language(names, options)
    return report(made, as_json=options.json, quick=options.quick)


def _measured(name: str, language: str, options: argparse.Namespace) -> Iterator[Figure]:
    """All figures of one recogniser in one language."""
    if recognizer(name, language, options.models) is None:
        return
    prefix = f"hearing.{name}.{language}"
    bounds = {} if options.development else _bounds(name, language, options.minutes)
    clean: Run | None = None
    if {"talks", "room"} & set(options.only):
        said, pcm = talk(
            options.cache,
            language,
            options.minutes,
            development=options.development,
            aligner=aligner(language, options.models),
        )
        clean = _heard(name, said, pcm, options)
        yield from figures(prefix, said, clean, bounds)
        if options.show:
            print(jiwer.visualize_alignment(words_compared(said, clean)), file=sys.stderr)
        if "room" in options.only:
            room = _heard(name, said, in_a_room(said, pcm), options, lossy=True)
            wrong, wrong_clean = (100 * words_compared(said, each).wer for each in (room, clean))
            yield Figure(f"{prefix}_room.words_wrong", wrong, "%")
            bound = ROOM_POINTS if bounds else None
            yield Figure(f"{prefix}_room.words_wrong_more", wrong - wrong_clean, "points", bound)
    if language != "en":
        return
    if "memory" in options.only and not options.virtual:
        yield _memory(name, options)
    if "noises" in options.only:
        yield from _invented(name, options)
    if "names" in options.only and (engine := recognizer(name, "en", options.models)):
        yield from hearing_names.figures(prefix, engine)


def _bounds(name: str, language: str, minutes: float) -> dict[str, float]:
    if name not in BOUNDS:
        return {}
    long = {"certain_after_growth": LONG_GROWTH_S} if minutes >= LONG_MINUTES else {}
    return {**ALWAYS, **BOUNDS[name].get(language, {}), **long}


def _heard(
    name: str, said: Talk, pcm: Pcm, options: argparse.Namespace, lossy: bool = False
) -> Run:
    if options.virtual or not Catalogue.load(STARTER_MODELS).targets(said.source):
        engine = recognizer(name, said.source, options.models)
        assert engine is not None
        return hearing_virtual.heard(said, pcm, engine, lossy)
    with server_options(name, options.models) as words:
        return asyncio.run(hearing_live.heard(said, pcm, words, lossy=lossy))


def _memory(name: str, options: argparse.Namespace) -> Figure:
    """Figures of the interpreter's memory while it interprets into two languages."""
    said, pcm = talk(options.cache, "en", MEMORY_MINUTES)
    with server_options(name, options.models) as words:
        run = asyncio.run(hearing_live.heard(said, pcm, words, targets=MEMORY_TARGETS))
    bound = MEMORY_MB if name == "whisper-base" else None
    held = max((held for _, held in run.memory_mb), default=None)
    return Figure(f"hearing.{name}.memory_with_two_languages", held, "MB", bound)


def _language(names: Sequence[str], options: argparse.Namespace) -> Iterator[Figure]:
    """Figures of language detection by the first of these models that can detect languages."""
    for name in names:
        if name != VOSK and not name.endswith(".en"):
            model = WhisperModel(found(name, options.models))
            yield from identification.figures(model, options.quick)
            return


def _invented(name: str, options: argparse.Namespace) -> Iterator[Figure]:
    """Figures of words that captions showed although nobody spoke."""
    seconds = QUICK_NOISE_S if options.quick else NOISE_S
    for kind in (*halls.KINDS, "crowd"):
        engine = recognizer(name, "en", options.models)
        assert engine is not None
        nobody = Talk("en", "", 0, 0.0, seconds, [])
        run = hearing_virtual.heard(nobody, halls.sound(kind, seconds), engine)
        shown = displayed(run.lines)
        invented = len(shown.words()) + shown.changed
        if options.show and invented:
            print(kind, [line.text for line in run.lines], file=sys.stderr)
        yield Figure(f"hearing.{name}.{kind}.words_invented", invented, "words", 0)


def _parser() -> argparse.ArgumentParser:
    parser = measuring_parser("tools.evaluate hearing", __doc__, quick="use 24 s of English")
    parser.add_argument(
        "--recognizer", type=lambda text: text.split(","), metavar="NAME,NAME",
        help=f"({','.join(NAMES)})",
    )  # fmt: skip
    parser.add_argument(
        "--models", type=Path, nargs="+", default=[], metavar="FOLDER",
        help="folder of Whisper models in CTranslate2's format",
    )  # fmt: skip
    parser.add_argument("--languages", nargs="+", choices=TEST, default=list(TEST))
    parser.add_argument("--only", nargs="+", choices=ROWS, default=ROWS, metavar="ROW")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="length of a talk (10)")
    parser.add_argument("--virtual", action="store_true", help="in virtual time")
    parser.add_argument("--development", action="store_true", help="talks for tuning")
    parser.add_argument("--show", action="store_true", help="print misheard words to stderr")
    parser.add_argument("--cache", type=Path, default=cache_folder(), metavar="FOLDER")
    return parser
