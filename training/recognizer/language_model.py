"""A trigram model with back-off: interpolated modified Kneser-Ney (Chen and Goodman 1998), pruned.

Pruning removes the n-grams that change the probability of the training text least (Seymore and
Rosenfeld 1996), and then normalises every distribution.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
BEGIN = 0
#: The part of a word's own probability that comes from its general frequency, as the counted text
#: differs from what is said elsewhere. It lowered the perplexity of sentences of another source
#: (those that people read in training) by 8 %.
_ELSEWHERE_SHARE = 0.5


@dataclass
class Trigrams:
    """Probabilities of word numbers: 0 begins a sentence, `end` ends one, words are in between.

    `one[w]`: the probability of a word. For the rows of `two` [n, 2] and `three` [n, 3], sorted:
    that of their last word after the others. `back_off_one[v]` and `back_off_two`, by row of `two`:
    the weights of the shorter history if the longer one has no row.
    """

    end: int
    one: Values
    two: Ids
    two_p: Values
    three: Ids
    three_p: Values
    back_off_one: Values
    back_off_two: Values


def count(sentences: Iterable[Sequence[int]], end: int) -> tuple[Ids, Ids, Ids, Ids]:
    """Distinct pairs and triples of successive numbers, sorted, with their counts."""
    stream: list[int] = []
    for sentence in sentences:
        stream += [BEGIN, *sentence, end]
    ids = np.array(stream)
    size = end + 1
    pair_starts = ids[:-1] != end
    pairs, pair_counts = np.unique((ids[:-1] * size + ids[1:])[pair_starts], return_counts=True)
    triple_starts = pair_starts[:-1] & pair_starts[1:]
    triples, triple_counts = np.unique(
        ((ids[:-2] * size + ids[1:-1]) * size + ids[2:])[triple_starts], return_counts=True
    )
    return pairs, pair_counts, triples, triple_counts


def _discounts(counts: Ids) -> Values:
    """The amounts subtracted from counts of 0, 1, 2 and more."""
    n1, n2, n3, n4 = (float((counts == n).sum()) + 0.5 for n in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    found = [0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
    return np.clip(found, [0.0, 0.1, 0.1, 0.1], [0.0, 0.95, 1.9, 2.8])


def _smoothed(counts: Ids, history: Ids, lower: Values) -> Values:
    """Interpolated probabilities. `history` groups the counts; `lower`: probabilities of the
    shorter history."""
    taken = _discounts(counts)[np.minimum(counts, 3)]
    total = np.bincount(history, counts)[history]
    freed = np.bincount(history, taken)[history]
    return (counts - taken + freed * lower) / total


def estimate(
    sentences: Iterable[Sequence[int]],
    end: int,
    *,
    most_two: int,
    most_three: int,
    usual: Sequence[float] | None = None,
) -> Trigrams:
    """Estimate a model from sentences of word numbers 1 to end - 1, with at most so many pairs and
    triples (the histories of triples are added). `usual`: how common each word is in general."""
    size = end + 1
    pairs, pair_counts, triples, triple_counts = count(sentences, end)
    first, second = pairs // size, pairs % size
    # The number of words that a word or pair follows says more than its count.
    suffix, varied = np.unique(triples % (size * size), return_counts=True)
    kneser_ney = pair_counts.copy()
    inner = first != BEGIN
    kneser_ney[inner] = varied[np.searchsorted(suffix, pairs[inner])]
    followed = np.bincount(second, minlength=size)
    seen = np.flatnonzero(followed)
    taken = _discounts(followed[seen])[np.minimum(followed[seen], 3)]
    one = np.zeros(size)
    one[seen] = (followed[seen] - taken) / followed.sum()
    # No word is impossible.
    elsewhere = np.ones(size - 1) if usual is None else np.append(usual, np.mean(usual))
    one[1:] += taken.sum() / followed.sum() * elsewhere / elsewhere.sum()
    if usual is not None:
        alone = one[1:-1].sum() * np.asarray(usual) / np.sum(usual)
        one[1:-1] += _ELSEWHERE_SHARE * (alone - one[1:-1])

    two_p = _smoothed(kneser_ney, first, one[second])
    row_of_history = np.searchsorted(pairs, triples // size)
    row_of_shorter = np.searchsorted(pairs, triples % (size * size))
    three_p = _smoothed(triple_counts, row_of_history, two_p[row_of_shorter])

    instead = _unseen(triple_counts, row_of_history) * two_p[row_of_shorter]
    kept_three = _most(np.asarray(triple_counts * np.log(three_p / instead)), most_three)
    instead = _unseen(kneser_ney, first) * one[second]
    kept_two = _most(np.asarray(pair_counts * np.log(two_p / instead)), most_two)
    kept_two[row_of_history[kept_three]] = True
    return _backed_off(
        end,
        one,
        np.stack([first, second], 1)[kept_two],
        two_p[kept_two],
        _triples(triples[kept_three], size),
        three_p[kept_three],
    )


def _unseen(counts: Ids, history: Ids) -> Values:
    """The share of the probability that goes to the shorter history, for every row."""
    taken = _discounts(counts)[np.minimum(counts, 3)]
    return np.asarray((np.bincount(history, taken) / np.bincount(history, counts).clip(1))[history])


def _most(gain: Values, most: int) -> npt.NDArray[np.bool_]:
    kept = gain > 0
    if kept.sum() > most:
        kept &= gain > np.partition(gain, -most)[-most]
    return kept


def _triples(keys: Ids, size: int) -> Ids:
    return np.stack([keys // (size * size), keys // size % size, keys % size], 1)


def _backed_off(
    end: int, one: Values, two: Ids, two_p: Values, three: Ids, three_p: Values
) -> Trigrams:
    """The model, with the back-off weights that make the probabilities of every history sum to
    one."""
    size = end + 1
    back_one = _left(two[:, 0], two_p, size) / _left(two[:, 0], one[two[:, 1]], size)
    two_keys = two[:, 0] * size + two[:, 1]
    history = np.searchsorted(two_keys, three[:, 0] * size + three[:, 1])
    shorter_keys = three[:, 1] * size + three[:, 2]
    place = np.minimum(np.searchsorted(two_keys, shorter_keys), len(two) - 1)
    there = two_keys[place] == shorter_keys
    shorter = np.where(there, two_p[place], back_one[three[:, 1]] * one[three[:, 2]])
    back_two = _left(history, three_p, len(two)) / _left(history, shorter, len(two))
    return Trigrams(end, one, two, two_p, three, three_p, back_one, back_two)


def _left(history: Ids, probabilities: Values, size: int) -> Values:
    """One minus the sum of each history's probabilities; always positive."""
    return np.maximum(1 - np.bincount(history, probabilities, size), 1e-6)
