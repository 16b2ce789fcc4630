"""Notices that people hear too little processor time, whatever uses it: clauses come late, or the
20 ms clock skips. No I/O, no clock of its own.
"""

from collections import deque
from typing import Final

#: A clause whose speech is ready later than this after its end is late. Ordinary are 0.3 to 2.5 s.
LATE_S: Final = 3.5
#: People notice if so many clauses of the last LOOK_BACK_S were late, and this part of them all.
LATE_CLAUSES: Final = 3
LATE_PART: Final = 0.25
#: A second is uneven if more than one of its 50 ticks is skipped. A single stall is none of cores.
SKIPPED: Final = 1
#: People notice if so many of the last LOOK_BACK_S were uneven.
UNEVEN_SECONDS: Final = 4
LOOK_BACK_S: Final = 20.0


class Contention:
    """What people noticed in the last LOOK_BACK_S. Times in seconds."""

    def __init__(self) -> None:
        self._clauses: deque[tuple[float, bool]] = deque()  # when it was ready, whether late
        self._uneven: deque[float] = deque()
        self._skipped = 0

    def clause(self, lag_s: float, now: float) -> None:
        """The speech of a clause is ready, ``lag_s`` after the clause ended."""
        self._clauses.append((now, lag_s > LATE_S))
        self._forget(now)

    def ticks(self, skipped: int, now: float) -> None:
        """Call it each second. ``skipped``: the ticks skipped since the start."""
        if skipped - self._skipped > SKIPPED:
            self._uneven.append(now)
        self._skipped = skipped
        self._forget(now)

    def is_felt(self, now: float) -> bool:
        """Whether people notice."""
        self._forget(now)
        late = sum(is_late for _, is_late in self._clauses)
        return (
            late >= max(LATE_CLAUSES, LATE_PART * len(self._clauses))
            or len(self._uneven) >= UNEVEN_SECONDS
        )

    def _forget(self, now: float) -> None:
        while self._clauses and now - self._clauses[0][0] > LOOK_BACK_S:
            self._clauses.popleft()
        while self._uneven and now - self._uneven[0] > LOOK_BACK_S:
            self._uneven.popleft()
