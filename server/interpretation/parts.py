"""What waits in a booth to be spoken, and what of it is taken together."""

from dataclasses import dataclass
from typing import Final

from server.interpretation.engines import EngineError
from server.interpretation.types import Clause

#: What waits is said together up to so many words.
BREATH_WORDS: Final = 8


@dataclass(frozen=True, slots=True)
class Part:
    """Of the interpretation of ``clause``: a text to speak, or why there is none."""

    clause: Clause
    number: int
    text: str | EngineError


def longer(newest: Clause, clause: Clause) -> Clause | None:
    """A segment that has grown is interpreted in place of its beginning."""
    return clause if newest.segment == clause.segment else None


def joined(newest: Part, part: Part) -> Part | None:
    """What belongs to one segment is said in one breath, unless it is much."""
    if newest.clause.segment != part.clause.segment:
        return None
    if isinstance(newest.text, EngineError) or isinstance(part.text, EngineError):
        return None
    text = f"{newest.text} {part.text}".strip()
    return Part(part.clause, part.number, text) if text.count(" ") < BREATH_WORDS else None
