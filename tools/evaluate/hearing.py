"""How well, how soon and at what cost people are heard, in talks of people reading aloud.

    python -m tools.evaluate hearing [--json] [--quick] [--recognizer NAME,NAME]
        [--models FOLDER …] [--virtual] [--development] [--help]

A recogniser is "vosk", the shipped one, or the name of a Whisper model in one of the FOLDERs.
``--virtual`` runs the interpreter by itself, its clock moved on by the processor time that it
takes; ``--development`` takes the talks that may be tuned on, and has no bounds.
"""

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import jiwer

from tools.evaluate import hearing_virtual
from tools.evaluate.hearing_engines import VOSK, found, recognizer
from tools.evaluate.hearing_run import figures, words_compared
from tools.evaluate.people import TEST, talk
from tools.evaluate.talks import cache_folder
from tools.figures import Figure, measuring_parser, report

MINUTES, QUICK_MINUTES = 10.0, 0.5
#: Of these, the first that is there tells when words were said.
ALIGNERS = ("whisper-base", "whisper-tiny.en")


def measured(name: str, language: str, options: argparse.Namespace) -> Iterator[Figure]:
    """All figures of one recogniser with one talk."""
    engine = recognizer(name, language, options.models)
    if engine is None:
        return
    said, pcm = talk(
        options.cache, language, options.minutes, development=options.development,
        aligner=aligner(language, options.models),
    )  # fmt: skip
    run = hearing_virtual.heard(said, pcm, engine)
    if options.show:
        print(jiwer.visualize_alignment(words_compared(said, run)), file=sys.stderr)
    yield from figures(f"hearing.{name}.{language}", said, run, {})


def aligner(language: str, folders: Sequence[Path]) -> Path | None:
    """A Whisper model of the language, if there is one."""
    for name in ALIGNERS:
        if language == "en" or not name.endswith(".en"):
            with contextlib.suppress(FileNotFoundError):
                return found(name, folders)
    return None


def main(words: Sequence[str]) -> int:
    """Run it; returns the exit status: 1 when a bound does not hold."""
    options = _parser().parse_args(words)
    if options.quick:
        options.minutes = QUICK_MINUTES
    made = [
        figure
        for name in options.recognizer
        for language in options.languages
        for figure in measured(name, language, options)
    ]
    return report(made, as_json=options.json, quick=options.quick)


def _parser() -> argparse.ArgumentParser:
    parser = measuring_parser("tools.evaluate hearing", __doc__, quick="from half a minute")
    parser.add_argument(
        "--recognizer", type=lambda text: text.split(","), default=[VOSK], metavar="NAME,NAME"
    )
    parser.add_argument(
        "--models", type=Path, nargs="+", default=[], metavar="FOLDER", help="of Whisper models"
    )
    parser.add_argument("--languages", nargs="+", choices=TEST, default=list(TEST))
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--virtual", action="store_true")
    parser.add_argument("--development", action="store_true", help="the talks to tune on")
    parser.add_argument("--show", action="store_true", help="what was misheard, to stderr")
    parser.add_argument("--cache", type=Path, default=cache_folder(), metavar="FOLDER")
    return parser
