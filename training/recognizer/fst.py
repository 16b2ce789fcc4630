"""Builds weighted transducers, to be written as OpenFst's "const" files."""

import math
from pathlib import Path

import numpy as np

from server.interpretation.const_fst import (
    ARC,
    EPSILON,
    EXPANDED,
    INPUT_SORTED,
    OUTPUT_SORTED,
    STATE,
    ConstFst,
)

__all__ = ["EPSILON", "Fst", "cost"]


def cost(probability: float) -> float:
    """-ln p."""
    return -math.log(max(probability, 1e-9))


class Fst:
    """A weighted transducer. It begins in state 0."""

    def __init__(self) -> None:
        self._arcs: list[list[tuple[int, int, float, int]]] = []
        self._final: list[float] = []

    def state(self, final_cost: float = math.inf) -> int:
        """Add a state, and return its number."""
        self._arcs.append([])
        self._final.append(final_cost)
        return len(self._arcs) - 1

    def arc(self, source: int, label_in: int, label_out: int, weight: float, target: int) -> None:
        """Add an arc. Label 0 means none."""
        self._arcs[source].append((label_in, label_out, weight, target))

    def end(self, state: int, final_cost: float) -> None:
        """Make a state final."""
        self._final[state] = final_cost

    def write(self, path: Path, *, sort_by_output: bool) -> None:
        """Write it as a const FST, with its arcs sorted."""
        side = 1 if sort_by_output else 0
        arcs = [sorted(row, key=lambda arc: arc[side]) for row in self._arcs]
        states, position = [], 0
        for final_cost, row in zip(self._final, arcs, strict=True):
            empty_in = sum(arc[0] == EPSILON for arc in row)
            empty_out = sum(arc[1] == EPSILON for arc in row)
            states.append((final_cost, position, len(row), empty_in, empty_out))
            position += len(row)
        ConstFst(
            np.array(states, STATE),
            np.array([arc for row in arcs for arc in row], ARC),
            EXPANDED | (OUTPUT_SORTED if sort_by_output else INPUT_SORTED),
        ).write(path)
