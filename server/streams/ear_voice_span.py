"""Measures the ear-voice span: from the end of a spoken clause to the start of its
interpretation."""

from collections.abc import Callable
from typing import Final

from server.bus.messages import RATE_HZ, Speech

#: Maximum number of clauses remembered until they start to play; fewer ever wait.
WAITING_CLAUSES: Final = 256
#: A segment has fewer parts than this.
PARTS: Final = 1000


class EarVoiceSpan:
    """The measurement of one stream. ``now`` returns stream time, in samples. ``observe`` is
    called with a language and seconds."""

    def __init__(self, now: Callable[[], int], observe: Callable[[str, float], None]) -> None:
        self._now = now
        self._observe = observe
        self._ends: dict[tuple[str, int], int] = {}

    def expect(self, speech: Speech) -> int:
        """The speech will be played. Returns a number of its clause, to be given to ``starts``.
        Each part of a segment counts as a clause."""
        clause = speech.segment * PARTS + speech.part
        self._ends[speech.language, clause] = speech.end_sample
        if len(self._ends) > WAITING_CLAUSES:
            del self._ends[next(iter(self._ends))]
        return clause

    def starts(self, language: str, clause: int, tick: int) -> None:
        """The clause starts to play."""
        end_sample = self._ends.pop((language, clause), None)
        if end_sample is not None:
            self._observe(language, max(0.0, (self._now() - end_sample) / RATE_HZ))
