"""Measures the ear-voice span: from the end of a spoken clause to the start of its
interpretation."""

from collections.abc import Callable
from typing import Final

from server.bus.messages import RATE_HZ, Speech

#: Maximum number of clauses remembered until they start to play; fewer ever wait.
WAITING_CLAUSES: Final = 256
#: Nothing waits longer to be played: it was dropped.
LONGEST_S: Final = 60.0
#: A segment has fewer parts than this.
PARTS: Final = 1000


class EarVoiceSpan:
    """The measurement of one stream. ``now`` returns stream time, in samples. ``observe`` is
    called with a language and seconds."""

    def __init__(self, now: Callable[[], int], observe: Callable[[str, float], None]) -> None:
        self._now = now
        self._observe = observe
        self._ends: dict[tuple[str, int], int] = {}
        self._last_s: dict[str, float] = {}
        self._playing: dict[str, int] = {}

    def expect(self, speech: Speech) -> int:
        """The speech will be played. Returns a number of its clause, to be given to ``starts``.
        Each part of a segment counts as a clause."""
        clause = speech.segment * PARTS + speech.part
        if self._playing.get(speech.language) == clause:
            return clause  # more of what is played already
        self._ends[speech.language, clause] = speech.end_sample
        if len(self._ends) > WAITING_CLAUSES:
            del self._ends[next(iter(self._ends))]
        return clause

    @staticmethod
    def segment(clause: int) -> int:
        """The segment of a clause with this number."""
        return clause // PARTS

    def starts(self, language: str, clause: int, tick: int) -> None:
        """The clause starts to play."""
        end_sample = self._ends.get((language, clause))
        self._playing[language] = clause
        if end_sample is not None:
            # Clauses that came before and did not start were dropped.
            for key in [key for key in self._ends if key[0] == language]:
                del self._ends[key]
                if key[1] == clause:
                    break
            self._last_s[language] = max(0.0, (self._now() - end_sample) / RATE_HZ)
            self._observe(language, self._last_s[language])

    def behind_s(self) -> dict[str, float]:
        """How many seconds each language is behind: that of the clause that has waited longest to
        be played, else of the one played last."""
        behind = dict(self._last_s)
        for (language, _), end_sample in self._ends.items():
            waits_s = (self._now() - end_sample) / RATE_HZ
            if waits_s < LONGEST_S:
                behind[language] = max(waits_s, behind.get(language, 0.0))
        return behind
