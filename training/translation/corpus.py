"""The sentence pairs of Tatoeba, and which of them may be learnt from.

No sentence of a test or development set, in any language, is in a training pair; case, punctuation
and spaces are ignored. The test sets of en-de and en-fr are chosen by the hash of the English
sentence, so they are always the same. Imports no PyTorch.
"""

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from training.tatoeba import read_pairs

Foreign = Literal["nl", "de", "fr"]
#: (English, the other language).
Pair = tuple[str, str]

FOREIGN: Final[tuple[Foreign, ...]] = ("nl", "de", "fr")
TEST_SENTENCES: Final = 2000
DEV_SENTENCES: Final = 1000
#: Tatoeba often translates this one name; names should stay as they are.
NAME: Final = "Mary"
TRANSLATED_NAMES: Final = {"nl": "Maria", "de": "Maria", "fr": "Marie"}


@dataclass(frozen=True)
class Corpus:
    """The pairs of English and one language, divided by purpose.

    ``dropped``: the number of training pairs that share a sentence with a test or development set.
    """

    train: list[Pair]
    dev: list[Pair]
    test: list[Pair]
    dropped: int


def key(text: str) -> str:
    """The same for two sentences that differ only in case, punctuation and spaces."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


@cache
def read_corpora(data: Path) -> dict[Foreign, Corpus]:
    """The corpora whose training files are in ``data``/text; empty if there are none. Reading
    takes seconds, so it is done once; nobody changes the result."""
    text = data / "text"
    files = {foreign: text / f"tatoeba-en-{foreign}.train.tsv.xz" for foreign in FOREIGN}
    pairs = {foreign: read_pairs(file) for foreign, file in files.items() if file.exists()}
    tests = {
        foreign: read_pairs(file)
        for foreign in pairs
        if (file := text / f"tatoeba-en-{foreign}.test.tsv.xz").exists()
    }
    return divide(pairs, tests)


def divide(
    pairs: dict[Foreign, list[Pair]],
    tests: dict[Foreign, list[Pair]],
    test_sentences: int = TEST_SENTENCES,
    dev_sentences: int = DEV_SENTENCES,
) -> dict[Foreign, Corpus]:
    """Training, development and test pairs that share no sentence.

    If ``tests`` has none for a language, its test pairs are those whose English has the lowest
    hashes, one pair a sentence. Development pairs are those with the highest.
    """
    ranked = {foreign: _ranked(found) for foreign, found in pairs.items()}
    test = {f: tests.get(f) or ranked[f][:test_sentences] for f in pairs}
    tested = _keys(pair for found in test.values() for pair in found)
    dev = {
        foreign: [p for p in reversed(found) if tested.isdisjoint(_keys([p]))][:dev_sentences]
        for foreign, found in ranked.items()
    }
    kept_apart = tested | _keys(pair for found in dev.values() for pair in found)
    corpora: dict[Foreign, Corpus] = {}
    for foreign, found in pairs.items():
        train = [pair for pair in found if kept_apart.isdisjoint(_keys([pair]))]
        named = [keep_name(pair, foreign) for pair in train]
        corpora[foreign] = Corpus(named, dev[foreign], test[foreign], len(found) - len(train))
    return corpora


def held_out(corpora: dict[Foreign, Corpus]) -> set[str]:
    """The keys of all test and development sentences, which no other text may contain."""
    return _keys(pair for found in corpora.values() for pair in found.dev + found.test)


def keep_name(pair: Pair, foreign: Foreign) -> Pair:
    """The pair, with "Mary" as "Mary" on both sides."""
    english, other = pair
    if NAME in english:
        other = other.replace(TRANSLATED_NAMES[foreign], NAME)
    return english, other


def _ranked(pairs: list[Pair]) -> list[Pair]:
    """One pair for each English sentence, sorted by the sentence's hash."""
    first: dict[str, Pair] = {}
    for pair in pairs:
        first.setdefault(key(pair[0]), pair)
    ranks = sorted((hashlib.sha256(text.encode()).digest(), text) for text in first)
    return [first[text] for _, text in ranks]


def _keys(pairs: Iterable[Pair]) -> set[str]:
    return {key(text) for pair in pairs for text in pair}
