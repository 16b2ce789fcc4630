"""Figures of a starter translation model: BLEU, speed, odd input, names and numbers.

python -m training.evaluate_translation --model DIR --data DIR [--test] [--json FILE]

On the development sets; with --test on the test sets, by which nothing is chosen.
"""

import argparse
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import sacrebleu

from server.interpretation.ctranslate2_translator import CTranslate2Translator
from server.interpretation.engines import EngineError
from training import phrases
from training.translation import names
from training.translation.augment import plain
from training.translation.corpus import DATA, Foreign, Pair, read_corpora
from training.translation.odd import is_runaway, odd_inputs
from training.translation.recipe import SERVED, Direction

TIMED_WORDS: Final = 12


def bleu(
    translator: CTranslate2Translator,
    pairs: list[Pair],
    direction: Direction,
    change: Callable[[str], str] = str,
) -> float:
    """sacrebleu's score on (English, other) pairs; ``change`` is done to each source."""
    side = 0 if direction[0] == "en" else 1
    found = [_translated(translator, change(pair[side]), direction) for pair in pairs]
    return float(sacrebleu.corpus_bleu(found, [[pair[1 - side] for pair in pairs]]).score)


def milliseconds(translator: CTranslate2Translator, pairs: list[Pair]) -> float:
    """CPU time of an English sentence of twelve words into Dutch."""
    texts = [english for english, _ in pairs if len(english.split()) == TIMED_WORDS][:50]
    started = time.process_time()
    for text in texts:
        translator.translate(text, "en", "nl")
    return 1000 * (time.process_time() - started) / len(texts)


def runaways(translator: CTranslate2Translator, sentences: list[str], n: int) -> int:
    """Of ``n`` odd inputs, those whose translation ran away or was given up as a loop."""
    found = 0
    for at, text in enumerate(odd_inputs(sentences, n, random.Random(4))):
        try:
            translated = translator.translate(text, *SERVED[at % len(SERVED)])
        except EngineError:
            found += 1
        else:
            found += is_runaway(text, translated)
    return found


def come_through(translator: CTranslate2Translator) -> float:
    """The share of sentences whose names and numbers are all in their translation."""
    listed = names.sentences()
    kept = [
        names.came_through(wanted, translator.translate(text, source, _other(source)))
        for source, text, wanted in listed
    ]
    return sum(kept) / len(kept)


def _other(language: str) -> str:
    return "nl" if language == "en" else "en"


def _translated(translator: CTranslate2Translator, text: str, direction: Direction) -> str:
    try:
        return translator.translate(text, *direction)
    except EngineError:
        return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--test", action="store_true", help="measure the test sets, once")
    parser.add_argument("--odd", type=int, default=10000)
    parser.add_argument("--sentences", type=int, help="of each set; all if left out")
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    pairs = [
        tuple(pair) for pair in json.loads((arguments.model / "model.json").read_text())["pairs"]
    ]
    translator = CTranslate2Translator(arguments.model, {target for _, target in pairs})
    corpora = read_corpora(arguments.data)
    figures: dict[str, float] = {}

    def show(name: str, value: float) -> None:
        figures[name] = round(value, 4)
        print(f"{name:28} {value:.4g}", flush=True)

    for source, target in (direction for direction in SERVED if direction in pairs):
        foreign: Foreign = target if target != "en" else source  # type: ignore[assignment]
        corpus = corpora[foreign]
        chosen = (corpus.test if arguments.test else corpus.dev)[: arguments.sentences]
        show(f"bleu.{source}-{target}", bleu(translator, chosen, (source, target)))
        show(f"bleu.{source}-{target}.plain", bleu(translator, chosen, (source, target), plain))
        for pair in chosen[: arguments.show]:
            text = pair[0 if source == "en" else 1]
            print(f"    {text}\n      {translator.translate(text, source, target)}")
    held_out = phrases.distinct_pairs(random.Random(11), 300, "held-out")
    show("bleu.grammar.en-nl", bleu(translator, held_out, ("en", "nl"), plain))
    show("bleu.grammar.nl-en", bleu(translator, held_out, ("nl", "en"), plain))
    show("names_and_numbers", come_through(translator))
    show("cpu_ms", milliseconds(translator, corpora["nl"].train))
    show("megabytes", sum(f.stat().st_size for f in arguments.model.iterdir()) / 1e6)
    sentences = [text for pair in corpora["nl"].dev for text in pair]
    show("runaways", runaways(translator, sentences, arguments.odd))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
