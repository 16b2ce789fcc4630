"""Reads and writes weighted transducers in OpenFst's "const" file format, as NumPy arrays.

A file is a header, the states, then the arcs, grouped by state (const-fst.h in OpenFst). Files
that are aligned or have symbol tables are not supported.
"""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

EPSILON: Final = 0
EXPANDED: Final = 0x1
INPUT_SORTED: Final = 0x10000000
OUTPUT_SORTED: Final = 0x40000000
MAGIC: Final = 2125659606
VERSION: Final = 2
#: ``final``: the cost of ending in this state, inf if that is not allowed. ``first``, ``count``:
#: its arcs. ``no_in``, ``no_out``: how many of these have no input or output label.
STATE: Final = np.dtype(
    [("final", "<f4"), ("first", "<u4"), ("count", "<u4"), ("no_in", "<u4"), ("no_out", "<u4")]
)
#: Input label, output label, cost (-ln p), next state.
ARC: Final = np.dtype([("in", "<i4"), ("out", "<i4"), ("cost", "<f4"), ("to", "<i4")])
_NAMES: Final = b"".join(struct.pack("<i", len(name)) + name for name in (b"const", b"standard"))
_REST: Final = "<iiQqqq"

#: An array of STATE or ARC.
Records = NDArray[Any]
NewArc = tuple[int, int, float, int]


class NotConstFst(Exception):
    """The file is not a const FST that this module supports, or is broken."""


class ConstFst:
    """A weighted transducer. ``states``: shape (states,) of STATE. ``arcs``: shape (arcs,) of ARC.
    ``properties``: OpenFst's bits. ``start``: the first state."""

    def __init__(self, states: Records, arcs: Records, properties: int, start: int = 0) -> None:
        self.states = states
        self.arcs = arcs
        self.properties = properties
        self.start = start

    @classmethod
    def read(cls, path: Path) -> "ConstFst":
        """Read a file. Raises OSError, NotConstFst."""
        data = path.read_bytes()
        head = struct.pack("<i", MAGIC) + _NAMES
        begin = len(head) + struct.calcsize(_REST)
        if not data.startswith(head) or len(data) < begin:
            raise NotConstFst(f"{path} is not a const FST")
        version, flags, properties, start, states, arcs = struct.unpack_from(_REST, data, len(head))
        size = states * STATE.itemsize + arcs * ARC.itemsize
        if version != VERSION or flags or not states or len(data) != begin + size:
            raise NotConstFst(f"{path} is a const FST of an unsupported kind, empty, or cut short")
        after = begin + states * STATE.itemsize
        found = cls(
            np.frombuffer(data, STATE, states, begin).copy(),
            np.frombuffer(data, ARC, arcs, after).copy(),
            properties,
            start,
        )
        last = found.states["first"].astype(np.int64) + found.states["count"]
        if last.max(initial=0) > arcs or found.arcs["to"].max(initial=0) >= states:
            raise NotConstFst(f"{path} is broken: install the model again")
        return found

    def write(self, path: Path) -> None:
        """Write a file. Raises OSError."""
        rest = struct.pack(
            _REST, VERSION, 0, self.properties, self.start, len(self.states), len(self.arcs)
        )
        head = struct.pack("<i", MAGIC) + _NAMES + rest
        path.write_bytes(head + self.states.tobytes() + self.arcs.tobytes())

    def arcs_of(self, state: int) -> Records:
        """A view of the state's arcs, in order."""
        first, count = int(self.states["first"][state]), int(self.states["count"][state])
        return self.arcs[first : first + count]

    def append(self, state: int, arcs: Sequence[NewArc]) -> None:
        """Add arcs after those of ``state``. The caller keeps them sorted by label."""
        rows = np.array(arcs, ARC)
        first, count = int(self.states["first"][state]), int(self.states["count"][state])
        self.arcs = np.insert(self.arcs, first + count, rows)
        self.states["first"][self.states["first"] >= first + count] += len(rows)
        self._count(state, first, count + len(rows))

    def add_states(self, arcs: Sequence[Sequence[NewArc]]) -> None:
        """Add states after the last. ``arcs``: those of each new state, sorted by label."""
        first = len(self.arcs)
        rows = np.array([arc for row in arcs for arc in row], ARC)
        states = np.zeros(len(arcs), STATE)
        states["final"] = np.inf
        begin = len(self.states)
        self.arcs = np.concatenate([self.arcs, rows])
        self.states = np.concatenate([self.states, states])
        for number, row in enumerate(arcs, begin):
            self._count(number, first, len(row))
            first += len(row)

    def _count(self, state: int, first: int, count: int) -> None:
        rows = self.arcs[first : first + count]
        self.states[state] = (
            self.states["final"][state],
            first,
            count,
            np.count_nonzero(rows["in"] == EPSILON),
            np.count_nonzero(rows["out"] == EPSILON),
        )
