"""Endless training examples in batches of like length. Imports no PyTorch."""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from training import phrases
from training.data import Language
from training.translation.augment import (
    Names,
    Spell,
    cut,
    in_words,
    plain,
    swap_names,
    swap_numbers,
)
from training.translation.corpus import Corpus, Foreign, Pair, held_out, key
from training.translation.recipe import Direction, Recipe

#: Piece ids: source (tag, pieces, end) and target (pieces, end).
Example = tuple[list[int], list[int]]

MAX_PIECES: Final = 100
_GRAMMAR: Final[list[Direction]] = [("en", "nl"), ("nl", "en")]
#: Enough of each length that little is padding.
_POOL_BATCHES: Final = 60
#: Pairs with figures are one in a hundred: each is drawn as often as this many others.
_FIGURES_WEIGHT: Final = 6


@dataclass(frozen=True)
class Pieces:
    """What turns text into ids: ``encode`` has neither tag nor end."""

    encode: Callable[[str], list[int]]
    tags: Mapping[Language, int]
    end: int


class Examples:
    """Draws pairs by the recipe's shares, every pair of a direction once before any is again."""

    def __init__(
        self,
        corpora: Mapping[Foreign, Corpus],
        pieces: Pieces,
        recipe: Recipe,
        spell: Spell,
        rng: random.Random,
    ) -> None:
        self._pieces, self._recipe, self._spell, self._rng = pieces, recipe, spell, rng
        self._held_out = held_out(dict(corpora))
        self._names = Names(pair for corpus in corpora.values() for pair in corpus.train)
        self._host_speech = self._grammar()
        self._drawn: dict[Direction, Iterator[Pair]] = {}
        for source, target in recipe.shares:
            foreign = target if source == "en" else source
            if foreign != "en" and foreign in corpora:
                self._drawn[source, target] = _shuffled(corpora[foreign].train, rng)

    def batches(self) -> Iterator[list[Example]]:
        """Batches of at most ``batch_tokens`` pieces, padding included, in random order."""
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
        directions = list(self._drawn)
        shares = [self._recipe.shares[direction] for direction in directions]
        if not directions or self._rng.random() < self._recipe.grammar:
            direction = self._rng.choice(_GRAMMAR)
            pair = self._swapped(next(self._host_speech), direction)
        else:
            (direction,) = self._rng.choices(directions, shares)
            pair = self._swapped(next(self._drawn[direction]), direction)
            if self._rng.random() < self._recipe.joined:
                more = self._swapped(next(self._drawn[direction]), direction)
                pair = f"{pair[0]} {more[0]}", f"{pair[1]} {more[1]}"
        return self._example(pair, direction)

    def held_out(self, corpora: Mapping[Foreign, Corpus], n: int) -> Iterator[list[Example]]:
        """Development sentences of each language as they are, both ways, in batches."""
        made: list[Example] = []
        for foreign, corpus in corpora.items():
            for english, other in corpus.dev[:n]:
                made += [self._ids(english, other, foreign), self._ids(other, english, "en")]
        return by_length(made, self._recipe.batch_tokens)

    def _grammar(self) -> Iterator[Pair]:
        while True:
            for pair in phrases.pairs(self._rng, 200, "train"):
                if self._held_out.isdisjoint(map(key, pair)):
                    yield pair

    def _swapped(self, pair: Pair, direction: Direction) -> Pair:
        """(English, other) made another such pair, or (source, target)."""
        foreign = direction[1] if direction[0] == "en" else direction[0]
        if self._rng.random() < self._recipe.names:
            pair = swap_names(pair, self._names, self._rng)
        if self._rng.random() < self._recipe.numbers:
            pair = swap_numbers(pair, ("en", foreign), self._spell, self._rng)
        return pair if direction[0] == "en" else (pair[1], pair[0])

    def _example(self, pair: Pair, direction: Direction) -> Example:
        source, target = pair
        if self._rng.random() < self._recipe.prefixes:
            source, target = cut(source, target, self._rng)
        if self._rng.random() < self._recipe.recognised:
            source, target = self._recognised(source, target, direction)
        return self._ids(source, target, direction[1])

    def _ids(self, source: str, target: str, language: Language) -> Example:
        encode, tags, end = self._pieces.encode, self._pieces.tags, self._pieces.end
        return [tags[language], *encode(source), end], [*encode(target), end]

    def _recognised(self, source: str, target: str, direction: Direction) -> Pair:
        """As a recogniser sends it: numbers mostly in words, then in words on both sides."""
        said = in_words(source, direction[0], self._spell)
        written = in_words(target, direction[1], self._spell)
        if re.search(r"\d", said + written) or self._rng.random() < self._recipe.figures:
            return plain(source), target
        return plain(said), written


def by_length(examples: list[Example], batch_tokens: int) -> Iterator[list[Example]]:
    """Batches of like length; each, padded to its longest, has at most ``batch_tokens``."""
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


def _shuffled(pairs: list[Pair], rng: random.Random) -> Iterator[Pair]:
    figures = [pair for pair in pairs if all(re.search(r"\d", side) for side in pair)]
    weighted = pairs + (_FIGURES_WEIGHT - 1) * figures
    while True:
        rng.shuffle(weighted)
        yield from weighted
