"""Endless training examples, in batches of similar length. Imports no PyTorch."""

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

from training import phrases
from training.data import LANGUAGES, Language
from training.translation.augment import Names, cut, plain, swap_names
from training.translation.corpus import Corpus, Foreign, Pair, key
from training.translation.library import TATOEBA, Text
from training.translation.recipe import Direction, Recipe
from training.translation.signs import signed, without_other_signs

#: Piece ids: source (tag, pieces, end) and target (pieces, end).
Example = tuple[list[int], list[int]]

MAX_PIECES: Final = 100
_GRAMMAR: Final[list[Direction]] = [("en", "nl"), ("nl", "en")]
#: Enough examples of each length, so that there is little padding.
_POOL_BATCHES: Final = 60
#: Pairs with digits are one in a hundred. Each is drawn this many times as often as others.
_FIGURES_WEIGHT: Final = 6


@dataclass(frozen=True)
class Pieces:
    """Turns text into piece ids. The result of ``encode`` has neither tag nor end."""

    encode: Callable[[str], list[int]]
    tags: Mapping[Language, int]
    end: int


class Examples:
    """Draws pairs by the recipe's shares. Every pair of a text is drawn once before any is drawn
    again.

    ``kept_apart``: keys of sentences that the grammar may not make (see ``corpus.held_out``).
    """

    def __init__(
        self,
        texts: Sequence[Text],
        kept_apart: Set[str],
        pieces: Pieces,
        recipe: Recipe,
        rng: random.Random,
    ) -> None:
        self._pieces, self._recipe, self._rng = pieces, recipe, rng
        self._kept_apart = kept_apart
        self._names = Names(pair for text in texts if text.kind == TATOEBA for pair in text.pairs)
        self._host_speech = self._grammar()
        self._drawn = {text.name: _shuffled(text.pairs, rng) for text in texts}
        assert len(self._drawn) == len(texts), "two texts have the same name"
        self._mixed = {
            direction: mixed
            for direction in recipe.shares
            if (mixed := _mixed(texts, direction, recipe))
        }

    def batches(self) -> Iterator[list[Example]]:
        """Batches of at most ``batch_tokens`` pieces, including padding, in random order."""
        while True:
            pool: list[Example] = []
            pieces = 0
            while pieces < _POOL_BATCHES * self._recipe.batch_tokens:
                example = self.draw()
                if max(map(len, example)) <= MAX_PIECES:
                    pool.append(example)
                    pieces += sum(map(len, example))
            batches = list(by_length(pool, self._recipe.batch_tokens))
            self._rng.shuffle(batches)
            yield from batches

    def draw(self) -> Example:
        """One example of any direction."""
        directions = list(self._mixed)
        shares = [self._recipe.shares[direction] for direction in directions]
        if not directions or self._rng.random() < self._recipe.grammar:
            direction = self._rng.choice(_GRAMMAR)
            pair = self._swapped(next(self._host_speech), direction)
        else:
            (direction,) = self._rng.choices(directions, shares)
            pair = self._of_a_text(direction)
            while self._rng.random() < self._recipe.joined:
                more = self._of_a_text(direction)
                pair = f"{pair[0]} {more[0]}", f"{pair[1]} {more[1]}"
        return self._example(pair, direction)

    def _of_a_text(self, direction: Direction) -> Pair:
        """(source, target) from one of the texts in these languages."""
        (name,) = self._rng.choices(*self._mixed[direction])
        return self._swapped(next(self._drawn[name]), direction)

    def held_out(self, corpora: Mapping[Foreign, Corpus], n: int) -> Iterator[list[Example]]:
        """Development sentences of each language, unchanged, in both directions, in batches."""
        made: list[Example] = []
        for foreign, corpus in corpora.items():
            for english, other in corpus.dev[:n]:
                made += [self._ids(english, other, foreign), self._ids(other, english, "en")]
        return by_length(made, self._recipe.batch_tokens)

    def _grammar(self) -> Iterator[Pair]:
        while True:
            for pair in phrases.pairs(self._rng, 200, "train"):
                if self._kept_apart.isdisjoint(map(key, pair)):
                    yield pair

    def _swapped(self, pair: Pair, direction: Direction) -> Pair:
        """A pair, in the order of LANGUAGES, with other names, as (source, target)."""
        if self._rng.random() < self._recipe.names:
            pair = swap_names(pair, self._names, self._rng)
        return pair if direction == ordered(direction) else (pair[1], pair[0])

    def _example(self, pair: Pair, direction: Direction) -> Example:
        source, target = signed(pair, direction)
        if self._rng.random() < self._recipe.prefixes:
            source, target = cut(source, target, self._rng)
            target = without_other_signs(source, target)
        if self._rng.random() < self._recipe.recognised:
            source = plain(source)
        return self._ids(source, target, direction[1])

    def _ids(self, source: str, target: str, language: Language) -> Example:
        encode, tags, end = self._pieces.encode, self._pieces.tags, self._pieces.end
        return [tags[language], *encode(source), end], [*encode(target), end]


def by_length(examples: list[Example], batch_tokens: int) -> Iterator[list[Example]]:
    """Batches of similar length. Each, padded to its longest example, has at most
    ``batch_tokens``."""
    batch: list[Example] = []
    widths = (0, 0)
    for example in sorted(examples, key=lambda found: (max(map(len, found)), len(found[0]))):
        wider = max(widths[0], len(example[0])), max(widths[1], len(example[1]))
        if batch and sum(wider) * (len(batch) + 1) > batch_tokens:
            yield batch
            batch, wider = [], (len(example[0]), len(example[1]))
        batch.append(example)
        widths = wider
    if batch:
        yield batch


def _mixed(
    texts: Sequence[Text], direction: Direction, recipe: Recipe
) -> tuple[list[str], list[float]] | None:
    """The names of the texts of a direction, and how often each is drawn; None if there is none.

    Each kind of text has its share, however little of it there is. Within a kind, texts are drawn
    in proportion to their length.
    """
    there = [
        text
        for text in texts
        if text.pairs
        and text.languages == ordered(direction)
        and not (text.archaic and direction[0] == text.languages[0])
    ]
    if not there:
        return None
    of_kind: defaultdict[str, float] = defaultdict(float)
    weights = {
        text.name: len(text.pairs) * (recipe.archaic if text.archaic else 1.0) for text in there
    }
    for text in there:
        of_kind[text.kind] += weights[text.name]
    return list(weights), [
        recipe.kinds[text.kind] * weights[text.name] / of_kind[text.kind] for text in there
    ]


def ordered(direction: Direction) -> tuple[Language, Language]:
    """Two languages in the order of LANGUAGES."""
    first, second = sorted(direction, key=LANGUAGES.index)
    return first, second


def _shuffled(pairs: list[Pair], rng: random.Random) -> Iterator[Pair]:
    figures = [pair for pair in pairs if all(re.search(r"\d", side) for side in pair)]
    weighted = pairs + (_FIGURES_WEIGHT - 1) * figures
    while True:
        rng.shuffle(weighted)
        yield from weighted
