"""What happens to participants and to the interpreter: a line each in the log, and the last ones
for operators.

No line has a token, an address or anything that was said. Many of a kind in a row are one entry
for operators, and lines are limited: anybody can cause them.
"""

import logging
import time
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from signaling.errors import ProtocolError
from signaling.messages import ErrorCode
from signaling.rates import Bucket

logger = logging.getLogger(__name__)

Kind = Literal["joined", "left", "refused", "ended", "lost", "ready"]

#: Entries that are kept for operators.
MOST_ENTRIES: Final = 50
#: The same again within this time is counted in the same entry.
TOGETHER_S: Final = 10.0
#: Lines in the log: as a burst, and on average. Of refusals there may be fewer: they cost nothing.
LINES_AT_ONCE: Final = 1000
LINES_PER_S: Final = 20.0
REFUSALS_AT_ONCE: Final = 100
REFUSALS_PER_S: Final = 2.0
#: Refusals whose message quotes nothing that was sent.
_OWN_WORDS: Final[frozenset[ErrorCode]] = frozenset(
    (
        "limit",
        "unauthorised",
        "forbidden",
        "speaker_present",
        "unavailable",
        "replaced",
        "taken_over",
        "timeout",
    )
)


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Something that happened ``count`` times, last at ``at_s`` (seconds of the wall clock).
    ``stream``: "" if it concerns all. ``what``: a role, the
    reason, or who ended the stream. ``code``: of a refusal."""

    kind: Kind
    at_s: float
    stream: str = ""
    what: str = ""
    code: str = ""
    count: int = 1


class Logbook:
    """``entries``: the last ones by number, oldest first. ``changed`` is called after each."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.entries: dict[int, Entry] = {}
        self.changed: Callable[[], None] = lambda: None
        self._clock = clock
        self._number = 0
        self._lines = Bucket(LINES_PER_S, LINES_AT_ONCE)
        self._refusals = Bucket(REFUSALS_PER_S, REFUSALS_AT_ONCE)
        self._left_out = 0

    def joined(self, stream: str, role: str, hears: str) -> None:
        """A participant joined. ``hears``: a channel, or the language that a speaker speaks."""
        self._line(self._lines, "%s: a %s joined (%s)", stream or "private", role, hears)
        self._add(Entry(kind="joined", at_s=self._clock(), stream=stream, what=role))

    def left(self, stream: str, role: str) -> None:
        """A participant left."""
        self._line(self._lines, "%s: a %s left", stream or "private", role)
        self._add(Entry(kind="left", at_s=self._clock(), stream=stream, what=role))

    def ended(self, stream: str, by_operator: bool) -> None:
        """A stream was ended for everyone, by an operator or by its speaker."""
        by = "operator" if by_operator else "speaker"
        self._line(self._lines, "%s: the stream was ended by the %s", stream, by)
        self._add(Entry(kind="ended", at_s=self._clock(), stream=stream, what=by))

    def refused(self, stream: str, role: str, error: ProtocolError) -> None:
        """A participant was not let in, or sent away, because of ``error``."""
        why = f"{error.code}: {error.message}" if error.code in _OWN_WORDS else error.code
        self._line(self._refusals, "%s: a %s was refused (%s)", stream or "no stream", role, why)
        self._add(
            Entry(kind="refused", at_s=self._clock(), stream=stream, what=role, code=error.code)
        )

    def interpreter(self, kind: Literal["lost", "ready"], why: str = "") -> None:
        """The interpreter died, or is ready. The supervisor has logged it."""
        self._add(Entry(kind=kind, at_s=self._clock(), what=why))

    def _line(self, bucket: Bucket, text: str, *values: str) -> None:
        if not bucket.take(time.monotonic()):
            self._left_out += 1
            return
        if self._left_out:
            logger.info("%d lines about participants were left out", self._left_out)
            self._left_out = 0
        logger.info(text, *values)

    def _add(self, entry: Entry) -> None:
        last = self.entries.get(self._number)
        if last is not None and _same(last, entry):
            entry = msgspec.structs.replace(entry, count=last.count + 1)
        else:
            self._number += 1
        self.entries[self._number] = entry
        if len(self.entries) > MOST_ENTRIES:
            del self.entries[next(iter(self.entries))]
        self.changed()


def _same(last: Entry, new: Entry) -> bool:
    if new.at_s - last.at_s > TOGETHER_S:
        return False
    return msgspec.structs.replace(last, at_s=new.at_s, count=1) == new
