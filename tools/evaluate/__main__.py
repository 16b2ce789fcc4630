"""Measures the quality of models on material that none of them was trained or tuned on. ``replay``
is for tuning, and has other material.

    python -m tools.evaluate starter [--json] [--quick] [--only recognizer translation]
    python -m tools.evaluate interpretation [--json] [--quick] [--help]
    python -m tools.evaluate replay [--json] [--quick] [--help]
    python -m tools.evaluate hearing [--json] [--quick] [--help]
    python -m tools.evaluate translation [--json] [--quick] [--help]
    python -m tools.evaluate voices [--json] [--quick] [--help]
    python -m tools.evaluate gate [--json] [--quick] [--help]
    python -m tools.evaluate glossary [--json] [--quick] [--help]

Needs espeak-ng, flite, and a folder of speech and text: see tools/evaluate/material.py.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from server.config import STARTER_MODELS
from server.models.catalogue import Catalogue, Model
from tools.evaluate import (
    gate,
    glossary,
    hearing,
    interpretation,
    recognizer,
    replay,
    translation,
    translations,
    voices,
)
from tools.evaluate.material import SIDES
from tools.figures import Figure, exit_status, measuring_parser, report

KINDS = ("recognizer", "translation")


def starter(models: Path, kinds: Sequence[str], quick: bool) -> Iterator[Figure]:
    """All figures of the models in a folder with a manifest.json."""
    catalogue = Catalogue.load(models)
    recognizers = {
        language: catalogue.path(catalogue.recognizers[language])
        for language in SIDES
        if language in catalogue.recognizers
    }
    if "recognizer" in kinds:
        for spoken, folder in recognizers.items():
            yield from recognizer.figures(spoken, folder, quick)
    if "translation" in kinds:
        for model in _translations(catalogue):
            yield from translation.figures(catalogue, model, quick)
    weighed = (*kinds, "starter") if set(kinds) == set(KINDS) else tuple(kinds)
    yield from (figure for figure in sizes(catalogue) if figure.name.startswith(weighed))


def sizes(catalogue: Catalogue) -> Iterator[Figure]:
    """The sizes on disk of the models that are distributed."""
    for language, model in catalogue.recognizers.items():
        size_mb = _size_mb(catalogue.path(model))
        yield Figure(f"recognizer.{language}.size", size_mb, "MB", bound=25)
    for model in _translations(catalogue):
        yield Figure("translation.size", _size_mb(catalogue.path(model)), "MB", bound=20)
    yield Figure("starter.size_of_all", _size_mb(catalogue.folder), "MB", bound=90)


def _translations(catalogue: Catalogue) -> list[Model]:
    return [model for model in catalogue.models if model.kind == "translation"]


def _size_mb(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def main(argv: Sequence[str] | None = None) -> int:
    """Run an evaluation. Returns the exit status: 1 if a bound does not hold."""
    words = list(sys.argv[1:] if argv is None else argv)
    commands = {
        "interpretation": interpretation.main,
        "replay": replay.main,
        "gate": gate.main,
        "hearing": hearing.main,
        "glossary": glossary.main,
        "translation": translations.main,
        "voices": voices.main,
    }
    if words and words[0] in commands:
        return commands[words[0]](words[1:])
    parser = measuring_parser("tools.evaluate", __doc__)
    parser.add_argument("evaluation", choices=["starter", *commands])
    parser.add_argument(
        "--models",
        type=Path,
        default=STARTER_MODELS,
        help="folder of other models than the shipped ones",
    )
    parser.add_argument("--only", nargs="+", choices=KINDS, default=KINDS, metavar="KIND")
    options = parser.parse_args(words)
    figures = list(starter(options.models, options.only, options.quick))
    return report(figures, as_json=options.json, quick=options.quick)


if __name__ == "__main__":
    sys.exit(exit_status("tools.evaluate", main))
