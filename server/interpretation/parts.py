"""The parts of an interpretation that wait to be spoken, and the rules for merging them."""

from dataclasses import dataclass
from typing import Final

from server.interpretation.engines import EngineError
from server.interpretation.types import Clause

#: Waiting parts of a segment are merged up to this many words.
BREATH_WORDS: Final = 8


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the interpretation of ``clause``. ``number``: its number within the segment.
    ``text``: what to speak ("" for nothing), or why the translation failed."""

    clause: Clause
    number: int
    text: str | EngineError


def longer(newest: Clause, clause: Clause) -> Clause | None:
    """Merge two clauses: a longer one of the same segment replaces its beginning. Else None."""
    return clause if newest.segment == clause.segment else None


def joined(newest: Part, part: Part) -> Part | None:
    """Merge two parts of one segment, unless they are long or one has failed. Else None."""
    if newest.clause.segment != part.clause.segment:
        return None
    if isinstance(newest.text, EngineError) or isinstance(part.text, EngineError):
        return None
    text = f"{newest.text} {part.text}".strip()
    return Part(part.clause, part.number, text) if text.count(" ") < BREATH_WORDS else None
