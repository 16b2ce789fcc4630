"""The quality of any translation models on news, Bible verses, sentences of meetings and services,
everyday sentences, numbers, hesitations and names; and their speed.

    python -m tools.evaluate translation [--json] [--quick] [--models FOLDER]
        [--only ROW …] [--directions en-nl …]

Sentences are translated as in the server, through English if no model translates directly. None of
them was used to train the shipped models (``training.translation.library``).
"""

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import sacrebleu

from server.config import STARTER_MODELS
from server.interpretation.engines import EngineError, Translator
from server.interpretation.hesitations import without_hesitations
from server.interpretation.loading import translators
from server.interpretation.types import Transcript, Word
from server.models.catalogue import Catalogue
from tools.evaluate import material, number_cases
from tools.evaluate.names import cases
from tools.figures import Figure, measuring_parser, report
from training.tatoeba import read_pairs
from training.translation.corpus import Pair, read_corpora
from training.translation.library import held_out_verses, rooms

Direction = tuple[str, str]

LANGUAGES: Final = ("en", "nl", "de", "fr")
ALL: Final = tuple(
    (source, target) for source in LANGUAGES for target in LANGUAGES if source != target
)
ROWS: Final = ("news", "verses", "rooms", "tatoeba", "numbers", "hesitations", "names", "time")
#: The number of news sentences, of 1,997. They take a minute per direction.
NEWS, QUICK = 500, 20
NEWS_BOUNDS: Final[Mapping[str, float]] = {
    "nl-en": 13, "en-nl": 10, "en-de": 8, "en-fr": 10, "de-en": 10, "fr-en": 11,
}  # fmt: skip
VERSE_BOUNDS: Final[Mapping[str, float]] = {"nl-en": 18, "en-nl": 14}
ROOM_BOUNDS: Final[Mapping[str, float]] = {"nl-en": 42, "en-nl": 42, "en-de": 36, "en-fr": 38}
TATOEBA_BOUNDS: Final[Mapping[str, float]] = {
    "en-nl": 40.3, "nl-en": 45.4, "en-de": 33.9, "en-fr": 37.6,
}  # fmt: skip
NUMBERS_RIGHT, NAMES_KEPT, MILLISECONDS = 95, 95, 20
WORDS: Final = 12
HESITATIONS: Final = {
    "en": ("uh", "um", "uhm", "er", "hmm"), "nl": ("eh", "ehm", "uh", "euh", "hm"),
    "de": ("äh", "ähm", "öh", "hm", "uhm"), "fr": ("euh", "heu", "hum", "euhm", "hm"),
}  # fmt: skip


def main(words: Sequence[str]) -> int:
    """Run it. Returns the exit status: 1 if a bound does not hold."""
    options = _parser().parse_args(words)
    translator = translators(Catalogue.load(options.models))
    wanted = [tuple(each.split("-")) for each in options.directions] or ALL
    rows: dict[str, Callable[[], Iterator[Figure]]] = {
        "news": lambda: _bleu("news", translator, wanted, _news(), NEWS_BOUNDS, options.quick),
        "verses": lambda: _bleu(
            "verses", translator, wanted, _verses(), VERSE_BOUNDS, options.quick
        ),
        "rooms": lambda: _bleu("rooms", translator, wanted, _rooms(), ROOM_BOUNDS, options.quick),
        "tatoeba": lambda: _bleu(
            "tatoeba", translator, wanted, _tatoeba(), TATOEBA_BOUNDS, options.quick
        ),
        "numbers": lambda: _numbers(translator, wanted),
        "hesitations": _hesitations,
        "names": lambda: _names(translator),
        "time": lambda: _time(translator),
    }
    made = [figure for row in options.only for figure in rows[row]()]
    return report(made, as_json=options.json, quick=options.quick)


def _rooms() -> dict[Direction, list[Pair]]:
    sides = {str(language): texts for language, texts in rooms().items()}
    return {
        (source, target): [*zip(sides[source], sides[target], strict=True)]
        for source, target in ALL
    }


def _news() -> dict[Direction, list[Pair]]:
    folder = material.folder() / "text" / "more"
    pairs = {
        foreign: read_pairs(folder / f"ntrex128-en-{foreign}.tsv.xz")[:NEWS]
        for foreign in LANGUAGES[1:]
    }
    return _both_ways(pairs)


def _verses() -> dict[Direction, list[Pair]]:
    test = held_out_verses(material.folder()).test
    return _both_ways({str(foreign): pairs for foreign, pairs in test.items()})


def _tatoeba() -> dict[Direction, list[Pair]]:
    corpora = read_corpora(material.folder())
    return _both_ways({foreign: corpus.test for foreign, corpus in corpora.items()})


def _both_ways(pairs: Mapping[str, list[Pair]]) -> dict[Direction, list[Pair]]:
    """Pairs with English; for two other languages, pairs that translate the same English."""
    made: dict[Direction, list[Pair]] = {}
    for foreign, found in pairs.items():
        made["en", foreign] = found
        made[foreign, "en"] = [(other, english) for english, other in found]
        for second in pairs.keys() - {foreign}:
            meant = dict(pairs[second])
            made[foreign, second] = [
                (text, meant[english]) for english, text in found if english in meant
            ]
    return made


def _bleu(
    row: str,
    translator: Translator,
    wanted: Sequence[Direction],
    sets: Mapping[Direction, list[Pair]],
    bounds: Mapping[str, float],
    quick: bool,
) -> Iterator[Figure]:
    for direction in wanted:
        pairs = sets.get(direction, [])[: QUICK if quick else None]
        if pairs:
            made = [_translated(translator, text, direction) for text, _ in pairs]
            score = sacrebleu.corpus_bleu(made, [[reference for _, reference in pairs]]).score
            way = "-".join(direction)
            yield Figure(f"translation.{row}.{way}", score, "BLEU", bounds.get(way), "higher")


def _translated(translator: Translator, text: str, direction: Direction) -> str:
    """The translation; empty if the translator refuses."""
    try:
        return translator.translate(text, *direction)
    except EngineError:
        return ""


def _numbers(translator: Translator, wanted: Sequence[Direction]) -> Iterator[Figure]:
    for source, target in wanted:
        asked = list(number_cases.cases(source))
        right = sum(
            case.is_right(_translated(translator, case.text, (source, target)), target)
            for case in asked
        )
        share = 100 * right / len(asked)
        name = f"translation.numbers.{source}-{target}"
        yield Figure(name, share, "%", NUMBERS_RIGHT, "higher")


def _hesitations() -> Iterator[Figure]:
    """The figure for hesitations that are left, of a hundred alone and between words."""
    left = 0
    for language, sounds in HESITATIONS.items():
        for sound in sounds:
            forms = (sound, f"{sound.capitalize()}.", f"{sound} Anna", f"Anna {sound}, Jan")
            for text in (*forms, f"Anna, {sound}"):
                words = tuple(Word(word, n, n + 1) for n, word in enumerate(text.split()))
                meant = without_hesitations(Transcript(words, final=True), language)
                left += sum(word.text.strip(",") not in ("Anna", "Jan") for word in meant.words)
    yield Figure("translation.hesitations_left", left, "", 0)


def _names(translator: Translator) -> Iterator[Figure]:
    """The figure for all cases, which are translated in the two directions in turn."""
    came = 0
    for number, (english, dutch, value) in enumerate(cases()):
        ways = ((english, ("en", "nl")), (dutch, ("nl", "en")))
        came += value in _translated(translator, *ways[number % 2])
    share = 100 * came / len(cases())
    yield Figure("translation.names_and_figures_kept", share, "%", NAMES_KEPT, "higher")


def _time(translator: Translator) -> Iterator[Figure]:
    english = [text for text in rooms()["en"] if len(text.split()) == WORDS]
    began_s = time.process_time()
    for text in english:
        _translated(translator, text, ("en", "nl"))
    each_ms = 1000 * (time.process_time() - began_s) / len(english)
    yield Figure("translation.cpu_of_twelve_words", each_ms, "ms", MILLISECONDS)


def _parser() -> argparse.ArgumentParser:
    parser = measuring_parser("tools.evaluate translation", __doc__, quick=f"use {QUICK} sentences")
    parser.add_argument("--models", type=Path, default=STARTER_MODELS, help="a folder of models")
    parser.add_argument("--only", nargs="+", choices=ROWS, default=ROWS, metavar="ROW")
    parser.add_argument("--directions", nargs="+", default=[], metavar="en-nl", help="(all)")
    return parser
