"""BLEU and chrF of what was heard, by sacrebleu, with bootstrap intervals.

Koehn 2004, "Statistical Significance Tests for Machine Translation Evaluation": sentences are
resampled with replacement; a comparison of two systems uses the same sentences of both.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import sacrebleu
from numpy.typing import NDArray

SAMPLES: Final = 1000
#: Percentiles that bound the intervals, which are of 95 %.
EDGES: Final = (2.5, 97.5)
METRICS: Final = ("bleu", "chrf")


class Score(NamedTuple):
    """A value and its interval."""

    value: float
    low: float
    high: float


def score(metric: str, heard: Sequence[str], references: Sequence[str]) -> Score:
    """The score of all sentences, 0 to 100."""
    statistics = _Statistics(metric, heard, references)
    drawn = [statistics.score(sample) for sample in _samples(len(heard))]
    return _scored(statistics.score(np.arange(len(heard))), drawn)


def ratio(
    metric: str, heard: Sequence[str], other: Sequence[str], references: Sequence[str]
) -> Score:
    """The score of ``heard`` as a percentage of that of ``other``."""
    one = _Statistics(metric, heard, references)
    base = _Statistics(metric, other, references)
    drawn = [_percent(one.score(s), base.score(s)) for s in _samples(len(heard))]
    every = np.arange(len(heard))
    return _scored(_percent(one.score(every), base.score(every)), drawn)


class _Statistics:
    """The counts of each sentence, whose sums give the score of any set of sentences."""

    def __init__(self, metric: str, heard: Sequence[str], references: Sequence[str]) -> None:
        # What was heard has no case or punctuation, so they are removed from the references.
        self._metric: Any = {"bleu": sacrebleu.BLEU, "chrf": sacrebleu.CHRF}[metric]()
        self._counts = np.array(
            self._metric._extract_corpus_statistics(list(heard), [list(references)])
        )

    def score(self, sample: NDArray[np.intp]) -> float:
        """The score of the sentences with these indices."""
        counts = self._counts[sample].sum(axis=0).tolist()
        return float(self._metric._compute_score_from_stats(counts).score)


def _samples(count: int) -> NDArray[np.intp]:
    return np.random.default_rng(53).integers(0, count, (SAMPLES, count))


def _percent(one: float, other: float) -> float:
    return 100 * one / other if other else 100.0


def _scored(value: float, drawn: Sequence[float]) -> Score:
    return Score(value, *np.percentile(drawn, EDGES).tolist())
