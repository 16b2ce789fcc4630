"""Which words captions showed when, and which of them changed later."""

from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import NamedTuple

import msgspec

from training.phrases import normalise


class Line(msgspec.Struct, frozen=True, array_like=True):
    """A caption, received ``at_s`` seconds after the talk's first sample. ``certain``: how many of
    its first words will not change."""

    at_s: float
    segment: int
    status: str
    text: str
    certain: int = 0


class Shown(NamedTuple):
    """A word in a caption, and when it was first shown."""

    text: str
    start_s: float

    @property
    def end_s(self) -> float:
        return self.start_s


class Display:
    """All captions of one language. ``changed``: the number of words that were shown and changed.

    If a line becomes shorter, its last words may come in the next line, and do not count as changed
    until then.
    """

    def __init__(self) -> None:
        self._lines: dict[int, list[Shown]] = {}
        self._rest: list[Shown] = []
        self.changed = 0

    def update(self, line: Line) -> None:
        """Show ``line``. It replaces an earlier revision of its segment."""
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
        """All words that are shown in the end."""
        return [word for _, line in sorted(self._lines.items()) for word in line]

    def lines(self) -> list[list[Shown]]:
        """The lines that are shown in the end, without empty ones."""
        return [line for _, line in sorted(self._lines.items()) if line]

    def finish(self) -> None:
        """No more lines come. Words that are still waited for count as changed."""
        self.changed += len(self._rest)
        self._rest = []


def displayed(lines: Iterable[Line]) -> Display:
    """The display after ``lines``, in the order in which they came."""
    display = Display()
    for line in lines:
        display.update(line)
    display.finish()
    return display
