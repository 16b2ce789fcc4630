"""What captions showed when, and what of it did not stay."""

from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import NamedTuple

import msgspec

from training.phrases import normalise


class Line(msgspec.Struct, frozen=True, array_like=True):
    """A caption as it came, ``at_s`` seconds from the talk's first sample. ``certain``: so many of
    its first words will not change."""

    at_s: float
    segment: int
    status: str
    text: str
    certain: int = 0


class Shown(NamedTuple):
    """A word in a caption and when it was first there."""

    text: str
    start_s: float

    @property
    def end_s(self) -> float:
        return self.start_s


class Display:
    """All captions of one language. ``changed``: words that were shown and did not stay.

    Where a line ends before its words do, the others are waited for in the next line.
    """

    def __init__(self) -> None:
        self._lines: dict[int, list[Shown]] = {}
        self._rest: list[Shown] = []
        self.changed = 0

    def update(self, line: Line) -> None:
        """Show ``line``, in place of an earlier revision of its segment if there is one."""
        before = self._lines.get(line.segment, [])
        newest = line.segment >= max(self._lines, default=line.segment)
        if newest:
            before, self._rest = before + self._rest, []
        texts = [] if line.status == "clear" else normalise(line.text).split()
        now = [Shown(text, line.at_s) for text in texts]
        matcher = SequenceMatcher(None, [word.text for word in before], texts, autojunk=False)
        kept = matched = 0
        for start, place, size in matcher.get_matching_blocks():
            now[place : place + size] = before[start : start + size]
            kept += size
            matched = start + size if size else matched
        if newest and line.status == "final":
            self._rest = before[matched:]
        self.changed += len(before) - kept - len(self._rest if newest else ())
        self._lines[line.segment] = now

    def words(self) -> list[Shown]:
        """All that is shown in the end."""
        return [word for _, line in sorted(self._lines.items()) for word in line]

    def lines(self) -> list[list[Shown]]:
        """The same by line, empty ones left out."""
        return [line for _, line in sorted(self._lines.items()) if line]

    def finish(self) -> None:
        """Nothing more comes: what is still waited for did not stay."""
        self.changed += len(self._rest)
        self._rest = []


def displayed(lines: Iterable[Line]) -> Display:
    """A display after ``lines``, in the order in which they came."""
    display = Display()
    for line in lines:
        display.update(line)
    display.finish()
    return display
