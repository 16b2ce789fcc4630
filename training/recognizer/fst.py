"""Weighted transducers in OpenFst's "const" files: a header, states, arcs (const-fst.h there)."""

import math
import struct
from pathlib import Path

import numpy as np

EPSILON = 0
_MAGIC, _CONST_VERSION = 2125659606, 2
_EXPANDED, _INPUT_SORTED, _OUTPUT_SORTED = 0x1, 0x10000000, 0x40000000


def cost(probability: float) -> float:
    """-ln p."""
    return -math.log(max(probability, 1e-9))


class Fst:
    """A weighted transducer; state 0 starts."""

    def __init__(self) -> None:
        self._arcs: list[list[tuple[int, int, float, int]]] = []
        self._final: list[float] = []

    def state(self, final_cost: float = math.inf) -> int:
        """A new state."""
        self._arcs.append([])
        self._final.append(final_cost)
        return len(self._arcs) - 1

    def arc(self, source: int, label_in: int, label_out: int, weight: float, target: int) -> None:
        """An arc; label 0 is nothing."""
        self._arcs[source].append((label_in, label_out, weight, target))

    def end(self, state: int, final_cost: float) -> None:
        """Make a state final."""
        self._final[state] = final_cost

    def write(self, path: Path, *, sort_by_output: bool) -> None:
        """As a const FST with its arcs sorted."""
        side = 1 if sort_by_output else 0
        arcs = [sorted(row, key=lambda arc: arc[side]) for row in self._arcs]
        states, position = [], 0
        for final_cost, row in zip(self._final, arcs, strict=True):
            empty_in = sum(arc[0] == EPSILON for arc in row)
            empty_out = sum(arc[1] == EPSILON for arc in row)
            states.append((final_cost, position, len(row), empty_in, empty_out))
            position += len(row)
        properties = _EXPANDED | (_OUTPUT_SORTED if sort_by_output else _INPUT_SORTED)
        header = struct.pack("<i", _MAGIC) + _string("const") + _string("standard")
        header += struct.pack("<iiQqqq", _CONST_VERSION, 0, properties, 0, len(arcs), position)
        state_type = np.dtype(
            [("w", "<f4"), ("p", "<u4"), ("n", "<u4"), ("i", "<u4"), ("o", "<u4")]
        )
        arc_type = np.dtype([("i", "<i4"), ("o", "<i4"), ("w", "<f4"), ("s", "<i4")])
        body = np.array(states, state_type).tobytes()
        body += np.array([arc for row in arcs for arc in row], arc_type).tobytes()
        path.write_bytes(header + body)


def _string(text: str) -> bytes:
    return struct.pack("<i", len(text)) + text.encode()
