"""Assigns to every phoneme that Piper will give the voice its share of the teacher's speech.

Piper's phonemes come from the espeak-ng inside piper-tts; a teacher has its own phones with their
times. Both are sequences of labels that mostly agree, so the cheapest edit path between them says
which phone each phoneme was spoken as.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

PAUSE: Final = "|"
MAX_COST_PER_PHONEME: Final = 0.25


@dataclass(frozen=True)
class Segment:
    """One phone (or PAUSE) of the teacher's speech."""

    phone: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Unit:
    """A run of Piper's phonemes (indices start..stop) spoken as one phone."""

    phone: str
    start: int
    stop: int
    skip_cost: float = 1.0


@dataclass(frozen=True)
class Timing:
    lead_s: float
    """Speech (silence, as a rule) before the first phoneme."""
    durations_s: list[float]
    """One for each of Piper's phonemes; marks that are not spoken get 0."""


SubstitutionCost = Callable[[str, str], float]


def align(
    units: list[Unit], segments: list[Segment], cost: SubstitutionCost, phonemes: int
) -> Timing | None:
    """Times for `phonemes` phonemes; None if the two sequences differ too much."""
    moves = _cheapest_moves(units, segments, cost)
    if moves is None:
        return None
    lead_s = 0.0
    seconds = [0.0] * len(units)
    unit = segment = 0
    for takes_unit, takes_segment in moves:
        if takes_segment:
            length_s = segments[segment].end_s - segments[segment].start_s
            if takes_unit:
                seconds[unit] += length_s
            elif unit:
                seconds[unit - 1] += length_s
            else:
                lead_s += length_s
        unit += takes_unit
        segment += takes_segment
    durations_s = [0.0] * phonemes
    for each, length_s in zip(units, seconds, strict=True):
        for index in range(each.start, each.stop):
            durations_s[index] = length_s / (each.stop - each.start)
    return Timing(lead_s, durations_s)


def _cheapest_moves(
    units: list[Unit], segments: list[Segment], cost: SubstitutionCost
) -> list[tuple[bool, bool]] | None:
    """The edit path as (takes a unit, takes a segment) steps; None if it costs too much."""
    total = np.full((len(units) + 1, len(segments) + 1), np.inf)
    total[0, 0] = 0.0
    step: dict[tuple[int, int], tuple[bool, bool]] = {}
    for i in range(len(units) + 1):
        for j in range(len(segments) + 1):
            options: list[tuple[float, tuple[bool, bool]]] = []
            if i and j:
                both = total[i - 1, j - 1] + cost(units[i - 1].phone, segments[j - 1].phone)
                options.append((both, (True, True)))
            if i:
                options.append((total[i - 1, j] + units[i - 1].skip_cost, (True, False)))
            if j:
                extra = 0.15 if segments[j - 1].phone == PAUSE else 1.0
                options.append((total[i, j - 1] + extra, (False, True)))
            if options:
                total[i, j], step[i, j] = min(options)
    if total[-1, -1] > MAX_COST_PER_PHONEME * len(units) + 1:
        return None
    moves = []
    i, j = len(units), len(segments)
    while i or j:
        moves.append(step[i, j])
        i, j = i - moves[-1][0], j - moves[-1][1]
    return moves[::-1]
