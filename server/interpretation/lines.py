"""The captions of one target language. Sans-I/O: what was translated in, captions out.

- The revisions of a segment rise, and after its final caption only its mark changes.
- A segment of which something is not spoken, or not translated, is marked as skipped.
"""

from typing import Final

from msgspec.structs import replace

from server.bus.messages import Caption
from server.interpretation.types import Clause

#: What stands for a translation that there is none of.
NOTHING: Final = "…"
#: Lines remembered, in case they are skipped: more than ever wait to be spoken.
KEPT: Final = 64


class Lines:
    """Of one ``language``."""

    def __init__(self, stream: str, epoch: int, language: str) -> None:
        self._stream = stream
        self._epoch = epoch
        self._language = language
        self._lines: dict[int, Caption] = {}  # as they were last told, by segment
        self._open: int | None = None

    def write(self, clause: Clause, text: str, doubtful: bool = False) -> Caption:
        """``text`` is all there is so far of the translation of ``clause``. ``doubtful``: it may be
        wrong."""
        line = self._lines.get(clause.segment)
        self._open = None if clause.ended else clause.segment
        return self._told(
            Caption(
                stream=self._stream,
                epoch=self._epoch,
                language=self._language,
                segment=clause.segment,
                revision=line.revision + 1 if line else 0,
                status="final" if clause.ended else "partial",
                start_sample=clause.start_sample,
                end_sample=clause.end_sample,
                text=text,
                skipped=line.skipped if line else False,
                certain=len(text.split()),
                doubtful=doubtful,
            )
        )

    def end(self) -> Caption | None:
        """Nothing is added to the line that was written last, if that is news."""
        line = self._lines[self._open] if self._open is not None else None
        self._open = None
        if line is None:
            return None
        return self._told(replace(line, revision=line.revision + 1, status="final"))

    def skip(self, clause: Clause) -> Caption | None:
        """Something of ``clause`` is not spoken, if that is news."""
        line = self._lines.get(clause.segment)
        if line is None:
            line = self.write(clause, NOTHING)
        if line.skipped:
            return None
        return self._told(replace(line, revision=line.revision + 1, skipped=True))

    def _told(self, line: Caption) -> Caption:
        self._lines[line.segment] = line
        if len(self._lines) > KEPT:
            del self._lines[next(iter(self._lines))]
        return line
