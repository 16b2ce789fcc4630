"""The captions of one target language. No I/O: translations in, captions out.

- The revisions of a segment rise. After its final caption only ``skipped`` may change.
- A segment is marked ``skipped`` if part of it is not spoken or not translated.
"""

from typing import Final

from msgspec.structs import replace

from server.bus.messages import Caption
from server.interpretation.types import Clause

#: The text of a caption whose clause was not translated.
NOTHING: Final = "…"
#: Lines remembered in case they are skipped later: more than ever wait to be spoken.
KEPT: Final = 64


class Lines:
    """The captions of one ``language``."""

    def __init__(self, stream: str, epoch: int, language: str) -> None:
        self._stream = stream
        self._epoch = epoch
        self._language = language
        self._lines: dict[int, Caption] = {}  # the latest caption, by segment
        self._open: int | None = None

    def write(self, clause: Clause, text: str, doubtful: bool = False) -> Caption:
        """The caption for ``clause``. ``text``: its whole translation so far. ``doubtful``: the
        translation may be wrong."""
        line = self._lines.get(clause.segment)
        ended = clause.ended or (line is not None and line.status == "final")
        self._open = None if ended else clause.segment
        return self._told(
            Caption(
                stream=self._stream,
                epoch=self._epoch,
                language=self._language,
                segment=clause.segment,
                revision=line.revision + 1 if line else 0,
                status="final" if ended else "partial",
                start_sample=clause.start_sample,
                end_sample=clause.end_sample,
                text=text,
                skipped=line.skipped if line else False,
                certain=len(text.split()),
                doubtful=doubtful,
            )
        )

    def end(self) -> Caption | None:
        """Make the last written line final. Returns its caption; None if it was final already."""
        line = self._lines[self._open] if self._open is not None else None
        self._open = None
        if line is None:
            return None
        return self._told(replace(line, revision=line.revision + 1, status="final"))

    def skip(self, clause: Clause) -> Caption | None:
        """Mark the line of ``clause`` as skipped. Returns its caption; None if it was already."""
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
