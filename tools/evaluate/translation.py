"""The quality, speed and safety of a translation model, used as the server uses it."""

import random
import time
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import sacrebleu

from server.interpretation.engines import EngineError, Translator
from server.interpretation.loading import plain_translator
from server.models.catalogue import Catalogue, Model
from tools.evaluate import material
from tools.evaluate.names import cases
from tools.figures import Figure
from training.translation.augment import plain
from training.translation.corpus import Foreign, Pair, read_corpora
from training.translation.odd import is_runaway, odd_inputs

#: The lowest BLEU allowed from English.
BOUNDS: Final[dict[Foreign, float]] = {"nl": 40, "de": 30, "fr": 30}
#: The lowest BLEU allowed from Dutch into English, and how much it may lose without case and
#: punctuation.
INTO_ENGLISH, BARE_LOSS = 45, 2
ODD, QUICK_ODD = 10_000, 140
QUICK = 100
#: The number of words of the sentences that are timed.
WORDS = 12


class Translating:
    """A model at work. Counts the texts that it refuses."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator
        self.failed = 0

    def translate(self, text: str, source: str, target: str) -> str:
        """The translation; empty if the translator refuses, which is counted."""
        try:
            return self._translator.translate(text, source, target)
        except EngineError:
            self.failed += 1
            return ""

    def all(self, pairs: Sequence[Pair], source: str, target: str) -> "Translated":
        """Translate the sources of (source, target) pairs."""
        made = [self.translate(text, source, target) for text, _ in pairs]
        return Translated(made, [reference for _, reference in pairs])


class Translated(NamedTuple):
    """A model's translations of sentences, and those of people."""

    made: list[str]
    references: list[str]

    @property
    def bleu(self) -> float:
        """BLEU by sacrebleu."""
        return float(sacrebleu.corpus_bleu(self.made, [self.references]).score)


def figures(catalogue: Catalogue, model: Model, quick: bool) -> Iterator[Figure]:
    """All figures of one translation model."""
    ways = model.pairs
    translating = Translating(plain_translator(catalogue, model))
    tests = {
        foreign: corpus.test[: QUICK if quick else None]
        for foreign, corpus in read_corpora(material.folder()).items()
    }
    for foreign, bound in BOUNDS.items():
        if ("en", foreign) in ways:
            value = translating.all(tests[foreign], "en", foreign).bleu
            yield Figure(f"translation.en_{foreign}.bleu", value, "BLEU", bound, "higher")
    natural, bare = into_english(translating, tests["nl"])
    yield Figure("translation.nl_en.bleu", natural.bleu, "BLEU", INTO_ENGLISH, "higher")
    lost = natural.bleu - bare.bleu
    yield Figure("translation.nl_en.bleu_lost_without_case", lost, "BLEU", BARE_LOSS)
    yield names_kept(translating)
    yield runaways(translating, ways, [dutch for _, dutch in tests["nl"]], quick)
    yield _time(translating, tests["nl"])


def into_english(translating: Translating, pairs: Sequence[Pair]) -> tuple[Translated, Translated]:
    """Translate the Dutch of (English, Dutch): as written, and without case and punctuation."""
    natural = translating.all([(dutch, english) for english, dutch in pairs], "nl", "en")
    bare = translating.all([(plain(dutch), english) for english, dutch in pairs], "nl", "en")
    return natural, bare


def names_kept(translating: Translating) -> Figure:
    """The figure for all cases, which are translated in the two directions in turn."""
    came = 0
    for number, (english, dutch, value) in enumerate(cases()):
        ways = ((english, "en", "nl"), (dutch, "nl", "en"))
        came += value in translating.translate(*ways[number % 2])
    share = 100 * came / len(cases())
    return Figure("translation.names_and_figures_kept", share, "%", 90, "higher")


def runaways(
    translating: Translating, ways: Sequence[tuple[str, str]], dutch: Sequence[str], quick: bool
) -> Figure:
    """The figure for odd inputs, in all directions in turn: how many became far too long, looped or
    were refused."""
    translating.failed = ran_away = 0
    inputs = odd_inputs(dutch, QUICK_ODD if quick else ODD, random.Random(29))
    for number, text in enumerate(inputs):
        ran_away += is_runaway(text, translating.translate(text, *ways[number % len(ways)]))
    return Figure("translation.runaway", ran_away + translating.failed, "", bound=0)


def _time(translating: Translating, test: Sequence[Pair]) -> Figure:
    texts = [english for english, _ in test if len(english.split()) == WORDS][:50]
    began_s = time.process_time()
    for text in texts:
        translating.translate(text, "en", "nl")
    each_ms = 1000 * (time.process_time() - began_s) / max(1, len(texts))
    return Figure("translation.cpu_of_twelve_words", each_ms if texts else None, "ms", bound=20)
