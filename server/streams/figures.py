"""How the interpretation of one stream fares, by language: how late, what was left out."""

from collections import Counter
from collections.abc import Callable
from typing import Final

from server.bus.messages import RATE_HZ, Caption

#: The delay of a clause is that of its language until so much of the stream has passed.
FRESH_S: Final = 15.0
#: Lines that are remembered, so that none is counted twice.
REMEMBERED: Final = 256


class StreamFigures:
    """``now`` returns stream time, in samples. ``skipped``: clauses that were not spoken;
    ``doubtful``: those that may be translated wrongly; both by language, so far."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.skipped: Counter[str] = Counter()
        self.doubtful: Counter[str] = Counter()
        self._now = now
        self._lags: dict[str, tuple[int, float]] = {}
        self._counted: dict[tuple[str, int, str], None] = {}

    def caption(self, line: Caption) -> None:
        """Count a line, if it says that something went wrong. It may come several times."""
        if line.skipped:
            self._count(self.skipped, line, "skipped")
        if line.doubtful and line.status == "final":
            self._count(self.doubtful, line, "doubtful")

    def starts(self, language: str, lag_s: float) -> None:
        """A clause starts to play, ``lag_s`` after it was said."""
        self._lags[language] = self._now(), lag_s

    def lag_s(self, language: str) -> float | None:
        """The delay of the language's last clause; None if none was spoken lately."""
        sample, lag_s = self._lags.get(language, (0, None))
        return lag_s if self._now() - sample < FRESH_S * RATE_HZ else None

    @property
    def most_lag_s(self) -> float:
        """The delay of the latest language; 0 if nothing was spoken lately."""
        return max((self.lag_s(each) or 0.0 for each in self._lags), default=0.0)

    def _count(self, counter: Counter[str], line: Caption, what: str) -> None:
        key = line.language, line.segment, what
        if key not in self._counted:
            self._counted[key] = None
            counter[line.language] += 1
            if len(self._counted) > REMEMBERED:
                del self._counted[next(iter(self._counted))]
