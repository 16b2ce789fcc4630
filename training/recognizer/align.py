"""Forced alignment (Viterbi): finds when each phone of known words was said, by a network's
scores."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from training.recognizer.phones import SILENCE
from training.recognizer.speech import Segment

OUTPUT_S = 0.03
_EARLIER_S = 0.0025  # its middle is at 12.5 ms; it may begin half an output before
Pronunciation = tuple[str, ...]


@dataclass
class _Chain:
    """States in order. Each has an output, the states that it may follow, and its segment."""

    phones: Sequence[str]
    outputs: list[int] = field(default_factory=list)
    sources: list[list[int]] = field(default_factory=list)
    owners: list[tuple[str, int]] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)

    def say(self, phone: str, word: int, sources: list[int], *, begin: bool) -> list[int]:
        """Add a phone that follows any of `sources`. Returns the states that end it."""
        output = 2 * self.phones.index(phone)
        enter = len(self.outputs)
        self.outputs += [output, output + 1]
        self.sources += [sources, [enter + 1, enter]]
        self.owners += [(phone, word)] * 2
        if begin:
            self.begins.append(enter)
        return [enter, enter + 1]


def align(
    scores: npt.NDArray[np.float32],
    words: Sequence[Sequence[Pronunciation]],
    phones: Sequence[str],
) -> tuple[list[Segment], float]:
    """Find the likeliest times of `words`, each said in one of its pronunciations.

    `scores` [outputs in time, network outputs]: log-probabilities every 30 ms, with the priors
    removed if wanted. Output 2n is for the first moment of phone n of `phones`, 2n + 1 for its
    others. Silence may be before, between and after words. Returns segments as `speech.Segment`
    (seconds from the first sample, word index or -1) and the mean score of an output. Raises
    ValueError if there is less audio than phones, or a word without a pronunciation.
    """
    chain, ends = _chain(words, phones)
    states = len(chain.outputs)
    widest = max(map(len, chain.sources))
    before = np.array([row + [states] * (widest - len(row)) for row in chain.sources])
    emitted = scores[:, chain.outputs]
    best = np.full(states + 1, -np.inf, np.float32)  # the last one stands for "nowhere"
    best[chain.begins] = emitted[0, chain.begins]
    came = np.zeros((len(scores), states), np.int32)
    # Only few states follow more than two others.
    one, two = before[:, 0], before[:, 1]
    many = np.flatnonzero([len(row) > 2 for row in chain.sources])
    before_many = before[many]
    for time in range(1, len(scores)):
        from_one, from_two = best[one], best[two]
        source = np.where(from_two > from_one, two, one)
        score = np.maximum(from_one, from_two)
        candidates = best[before_many]
        chosen = candidates.argmax(1)[:, None]
        source[many] = np.take_along_axis(before_many, chosen, 1)[:, 0]
        score[many] = np.take_along_axis(candidates, chosen, 1)[:, 0]
        came[time] = source
        best[:states] = score + emitted[time]
    state = max(ends, key=lambda end: best[end])
    total = float(best[state])
    if not np.isfinite(total):
        raise ValueError(f"{len(scores) * OUTPUT_S:.1f} s are too short for these words")
    segments: list[Segment] = []
    for time in range(len(scores) - 1, -1, -1):
        if state % 2 == 0:  # the first state of a phone
            phone, word = chain.owners[state]
            segments.append(Segment(phone, max(0.0, time * OUTPUT_S - _EARLIER_S), word))
        state = int(came[time, state])
    return segments[::-1], total / len(scores)


def _chain(
    words: Sequence[Sequence[Pronunciation]], phones: Sequence[str]
) -> tuple[_Chain, list[int]]:
    """The states of all ways to say `words`, and those in which they may end."""
    chain = _Chain(phones)
    ends = chain.say(SILENCE, -1, [], begin=True)
    first = True
    for index, ways in enumerate(words):
        if not ways or not all(ways):
            raise ValueError(f"word {index} has no pronunciation")
        spoken: list[int] = []
        for way in ways:
            reached = ends
            for place, phone in enumerate(way):
                reached = chain.say(phone, index, reached, begin=first and place == 0)
            spoken += reached
        first = False
        ends = spoken + chain.say(SILENCE, -1, spoken, begin=False)
    return chain, ends
