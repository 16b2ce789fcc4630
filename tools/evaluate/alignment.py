"""Assigns the words that were heard to the sentences that were expected.

All words heard are aligned with all words expected, in order and with the least edit cost, as
Matusov et al. 2005 ("Evaluating Machine Translation Output with Automatic Sentence Segmentation")
divide a stream of words into the sentences of the reference. In addition:
- replacing a word by a similar one costs less (Polák et al. 2025, arXiv:2509.17349,
  "SoftSegmenter"),
- no word is assigned to a sentence that began after it,
- of alignments with the same cost, the one wins whose lags are most similar to those of the words
  heard exactly as expected. Without this, a word that is not similar could go anywhere.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Costs = NDArray[np.float64]

#: Words with a smaller Dice coefficient of their letter pairs are not similar at all.
ALIKE = 0.5
#: The cost of each second by which a lag differs from the usual one, and its maximum.
ODD_LAG_COST, MOST_ODD_LAG_COST = 0.01, 0.3
#: A word may seem to be heard this much before its sentence, because clocks and word times are
#: not exact.
EARLY_S = 0.2
#: No word is heard later than this after its sentence.
LATE_S = 60.0
_NEVER = 1e9
_BOTH, _HEARD, _EXPECTED = range(3)


class Word(Protocol):
    """A word as a recogniser writes it, and when it was heard."""

    @property
    def text(self) -> str: ...
    @property
    def start_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...


class Expected(NamedTuple):
    """A sentence that should be heard, and when it is said."""

    words: Sequence[str]
    start_s: float
    end_s: float


class Aligned(NamedTuple):
    """Where a heard word belongs. ``sentence``: the index of its sentence, -1: none. ``word``: the
    index in it of the expected word, -1: none. ``alike``: its similarity to that word, 0 to 1."""

    sentence: int
    word: int
    alike: float


def align(heard: Sequence[Word], expected: Sequence[Expected]) -> list[Aligned]:
    """Where each word of ``heard`` belongs. They are in the order of their times."""
    places = [(s, w) for s, sentence in enumerate(expected) for w in range(len(sentence.words))]
    if not heard or not places:
        return [Aligned(-1, -1, 0.0)] * len(heard)
    likeness = _Likeness([word.text for word in heard], [expected[s].words[w] for s, w in places])
    at_s = np.array([word.start_s for word in heard])
    said_s = np.array([_said_s(expected[s], w) for s, w in places])
    span_s = np.array([(expected[s].start_s, expected[s].end_s) for s, _ in places])
    path = _path(likeness, at_s, said_s, span_s, None)
    exact_s = [at_s[i] - said_s[j] for i, j in path if likeness.row(i)[j] == 1]
    if exact_s:
        path = _path(likeness, at_s, said_s, span_s, float(np.median(exact_s)))
    found = {i: Aligned(*places[j], float(likeness.row(i)[j])) for i, j in path}
    sure = {each.sentence for each in found.values() if each.alike}
    # A word that is not similar decides only if no other word does.
    kept = {i: each for i, each in found.items() if each.alike or each.sentence not in sure}
    return _with_the_rest(heard, expected, kept)


def of_each(
    heard: Sequence[Word], aligned: Sequence[Aligned], sentences: int
) -> list[list[tuple[Word, Aligned]]]:
    """The words heard of each sentence; there are ``sentences`` of them."""
    words: list[list[tuple[Word, Aligned]]] = [[] for _ in range(sentences)]
    for word, place in zip(heard, aligned, strict=True):
        if place.sentence >= 0:
            words[place.sentence].append((word, place))
    return words


def _said_s(sentence: Expected, word: int) -> float:
    """About when a word of a translation would be said if it were said together with its source."""
    share = (word + 0.5) / len(sentence.words)
    return sentence.start_s + share * (sentence.end_s - sentence.start_s)


class _Likeness:
    """The similarity of each word heard to each word expected, 0 to 1."""

    def __init__(self, heard: Sequence[str], expected: Sequence[str]) -> None:
        rows, self._rows = np.unique(np.array(heard, object), return_inverse=True)
        columns, self._columns = np.unique(np.array(expected, object), return_inverse=True)
        pairs = {
            pair: n for n, pair in enumerate(sorted(set().union(*map(_pairs, [*rows, *columns]))))
        }
        one, other = _counts(rows, pairs), _counts(columns, pairs)
        total = one.sum(axis=1)[:, None] + other.sum(axis=1)[None, :]
        dice = 2 * (one @ other.T) / total
        same = rows[:, None] == columns[None, :]
        self._table: Costs = np.where(
            same, 1.0, np.where(dice >= ALIKE, np.minimum(dice, 0.99), 0.0)
        )

    def row(self, heard: int) -> Costs:
        """The similarities of one word heard to all words expected."""
        row: Costs = self._table[self._rows[heard]][self._columns]
        return row


def _pairs(word: str) -> list[str]:
    return ["".join(pair) for pair in pairwise(f" {word} ")]


def _counts(words: Iterable[str], pairs: dict[str, int]) -> Costs:
    words = list(words)
    counts = np.zeros((len(words), len(pairs)))
    for row, word in enumerate(words):
        for pair in _pairs(word):
            counts[row, pairs[pair]] += 1
    return counts


def _path(
    likeness: _Likeness, at_s: Costs, said_s: Costs, span_s: Costs, usual_lag_s: float | None
) -> list[tuple[int, int]]:
    """The pairs (heard, expected) of the alignment with the least cost. A word that is left out,
    inserted or not similar costs 1, a similar one less."""
    heard, expected = len(at_s), len(said_s)
    columns = np.arange(expected + 1)
    moves = np.empty((heard + 1, expected + 1), np.uint8)
    moves[0] = _EXPECTED
    total = columns.astype(np.float64)
    for i in range(heard):
        cost = 1 - likeness.row(i)
        if usual_lag_s is not None:
            odd_s = np.abs(at_s[i] - said_s - usual_lag_s)
            cost += np.minimum(ODD_LAG_COST * odd_s, MOST_ODD_LAG_COST)
        possible = (at_s[i] >= span_s[:, 0] - EARLY_S) & (at_s[i] <= span_s[:, 1] + LATE_S)
        both = np.concatenate(([_NEVER], total[:-1] + np.where(possible, cost, _NEVER)))
        alone = total + 1
        best = np.minimum(alone, both)
        total = np.minimum.accumulate(best - columns) + columns
        moves[i + 1] = np.where(both <= alone, _BOTH, _HEARD)
        moves[i + 1][total < best - 1e-9] = _EXPECTED
    path = []
    i, j = heard, expected
    while i or j:
        move = moves[i, j]
        if move == _BOTH:
            path.append((i - 1, j - 1))
        i, j = i - (move != _EXPECTED), j - (move != _HEARD)
    return path[::-1]


def _with_the_rest(
    heard: Sequence[Word], expected: Sequence[Expected], found: dict[int, Aligned]
) -> list[Aligned]:
    """Assign words without an expected word to the sentence of the word nearest in time that has
    one."""
    anchors = sorted(found)
    every = []
    for i, word in enumerate(heard):
        if i not in found:
            around = [
                anchors[k]
                for k in (np.searchsorted(anchors, i) - 1, np.searchsorted(anchors, i))
                if 0 <= k < len(anchors)
            ]
            possible = [
                (_between_s(heard[k], word), found[k].sentence)
                for k in around
                if expected[found[k].sentence].start_s <= word.start_s + EARLY_S
            ]
            every.append(Aligned(min(possible)[1] if possible else -1, -1, 0.0))
        else:
            every.append(found[i])
    return every


def _between_s(one: Word, other: Word) -> float:
    return max(one.start_s - other.end_s, other.start_s - one.end_s, 0.0)
