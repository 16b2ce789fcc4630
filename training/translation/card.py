"""Writes a translation model's card: what it is, what it was trained on, what was measured.

    python -m tools.evaluate translation --models MODELS --json > FIGURES
    python -m training.translation.card --model FOLDER --figures FIGURES --data DATA

MODELS is the parent of the model's FOLDER. The training time comes from FOLDER.checkpoint. No
figure in the card is typed by hand.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from server.interpretation.ctranslate2_translator import PART_PIECES
from training.data import DATA
from training.translation.corpus import read_corpora
from training.translation.library import Text, read
from training.translation.number_phrases import KIND, texts
from training.translation.recipe import Recipe
from training.translation.train import Progress, Training
from training.translation.verses import DEV_BOOK, TEST_BOOKS

LANGUAGES: Final = {"en": "English", "nl": "Dutch", "de": "German", "fr": "French"}
#: What a text is, who made it, and its licence, by the beginning of its name.
SOURCES: Final = {
    "tatoeba": "everyday sentences of Tatoeba (https://tatoeba.org), by its contributors, CC BY "
    "2.0 FR",
    "bible-canisius": "the Bible, Canisius 1939, by scrollmapper/bible_databases, as are the "
    "others: in the public domain",
    "bible-statenvertaling": "the Bible, Statenvertaling, to be understood only: in the public "
    "domain",
    "bible-en-de": "the Bible, Menge 1939, Zürcher 1931, Elberfelder 1905, Textbibel 1906 and "
    "Luther: in the public domain",
    "bible-en-fr": "the Bible, Crampon 1923, Synodale 1921, Darby and the one of 1861: in the "
    "public domain",
    "libreoffice": "help pages of LibreOffice, MPL-2.0",
    "gnome": "user documentation of GNOME, CC BY-SA 3.0",
    "mozilla": "pages of Mozilla, MPL-2.0",
    "wesnoth": "texts of Battle for Wesnoth, GPL-2.0-or-later",
    "freedict": "dictionaries of FreeDict, GPL-2.0-or-later",
}
ROWS: Final = {
    "tatoeba": "Tatoeba, the test sentences",
    "rooms": "200 sentences of services, lectures, tours and meetings",
    "verses": f"verses of {', '.join(book.name for book in TEST_BOOKS)}",
    "news": "news (NTREX-128), 500 sentences",
}
CARD: Final = """\
# translation: a starter translation between English, Dutch, German and French

{megabytes:.1f} MB, made to show Tolk at work on a fresh machine and to run its tests. For a real
audience use full-size models: `docs/operations.md` says how.

## What it is

A Transformer ({encoder} encoder layers, {decoder} decoder layers, width {width}, {millions:.1f}
million parameters) in CTranslate2's format, weights in int8, one model for {directions} directions.
The source is

    >>nl<< piece piece … </s>

with the target language as its first token and pieces of `sentencepiece.model`. Signs stand in the
places of numbers (`server/interpretation/numerals.py`). Of four translations the server takes the
one that the model, asked for the opposite direction, is surest to have come from the source.

## What it learnt from

| | pairs |
|---|---:|
{sources}

Of two languages other than English it learnt from sentences that stand beside the same English
one. No sentence of a test or development set is in any of them, case and punctuation ignored, nor a
verse of {books} in any version. Many sources were as a recogniser writes (lower case, no
punctuation), some were beginnings of sentences with the part of the translation that they cover;
names on both sides were often swapped for others. One example in {grammar:.0f} is of Tolk's own
grammar of host speech (`training/phrase_grammar.txt`), some of its own {numbers} sentences with
numbers.

Licence of the model: GPL-3.0-or-later.

## How to make it again

    python -m training.translation --out FOLDER --data DATA --hours {hours:.1f} [--from MODEL]
        [--mean-with CHECKPOINT]

With --from it begins with the weights and the pieces of a model that was shipped before, as this
one did, twice (the first of four encoder layers). All sessions together: {steps:,} steps,
{pieces:.0f} million target pieces. The weights are the mean of those before and after the last
session (--mean-with), which was better than either.
`training/requirements.txt` says what it needs.

## Measured

By `python -m tools.evaluate translation`, as the server translates, on what was not learnt from
(BLEU by sacrebleu):

| | {ways} |
|---|{lines}|
{bleu}

{others}

## What it cannot do

- It knows the words of everyday sentences and of the Bible. What is rarer it misses, leaves out or
  replaces: rely on it for the gist, and on nothing where a word matters.
- It knows no context beyond the sentence; of more than about {longest} pieces it translates parts.
- Whom "you" and "je" address, it guesses; Tatoeba's sentences mostly say "je", "du" and "tu".
"""


def card(
    folder: Path,
    figures: Sequence[Mapping[str, Any]],
    learnt: Sequence[Text],
    recipe: Recipe,
    progress: Progress,
    parameters: int,
) -> str:
    """The card's text. ``figures``: the result of ``tools.evaluate translation``."""
    values = {figure["name"].removeprefix("translation."): figure for figure in figures}
    ways = sorted({name.split(".")[1] for name in values if name.startswith("rooms.")})
    described = json.loads((folder / "model.json").read_text())
    return CARD.format(
        megabytes=sum(file.stat().st_size for file in folder.iterdir()) / 1e6,
        encoder=recipe.encoder_layers,
        decoder=recipe.decoder_layers,
        width=recipe.width,
        millions=parameters / 1e6,
        directions=len(described["pairs"]),
        sources="\n".join(_sources(learnt)),
        books=", ".join(book.name for book in (*TEST_BOOKS, DEV_BOOK)),
        grammar=1 / recipe.grammar,
        numbers=len(texts()[0].pairs),
        hours=progress.seconds / 3600,
        steps=progress.step,
        pieces=progress.target_pieces / 1e6,
        ways=" | ".join(ways),
        lines="|".join(["---:"] * len(ways)),
        bleu="\n".join(
            f"| {label} | {' | '.join(_value(values, f'{row}.{way}') for way in ways)} |"
            for row, label in {**ROWS, "numbers": "number phrases right, %"}.items()
        ),
        others="\n".join(
            f"- {name.replace('_', ' ')}: {figure['value']:.1f} {figure['unit']}".rstrip()
            for name, figure in values.items()
            if "." not in name
        ),
        longest=PART_PIECES,
    )


def _sources(learnt: Sequence[Text]) -> list[str]:
    return [
        f"| {SOURCES[start]} | {sum(len(text.pairs) for text in found):,} |"
        for start in SOURCES
        if (
            found := [text for text in learnt if text.name.startswith(start) and _has_english(text)]
        )
    ]


def _has_english(text: Text) -> bool:
    return text.kind != KIND and text.languages[0] == "en"


def _value(values: Mapping[str, Mapping[str, Any]], name: str) -> str:
    return f"{values[name]['value']:.1f}" if name in values else ""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="training.translation.card", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--figures", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=DATA)
    arguments = parser.parse_args()
    model: Path = arguments.model
    training = Training.load(model.with_name(model.name + ".checkpoint"), Recipe(), "cpu")
    learnt = read(arguments.data, read_corpora(arguments.data))
    parameters = sum(weight.numel() for weight in training.average.values())
    figures = json.loads(arguments.figures.read_text())["figures"]
    text = card(model, figures, learnt, training.recipe, training.progress, parameters)
    (model / "MODEL_CARD.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
