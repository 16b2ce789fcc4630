"""How many cores something uses, from the seconds of a core that it has used so far."""

from collections import deque
from typing import Final

#: The load is averaged over SPAN_S, and its maximum in the last LOOK_BACK_S counts, so that a pause
#: of the speaker makes no room.
SPAN_S: Final = 5.0
LOOK_BACK_S: Final = 60.0


class Load:
    """The cores in use or wanted: averages over SPAN_S, and their maximum in LOOK_BACK_S."""

    def __init__(self) -> None:
        self._spent: deque[tuple[float, float]] = deque()  # when, seconds so far
        self._loads: deque[tuple[float, float]] = deque()  # when, cores in use

    @property
    def highest(self) -> float:
        """The most cores in use in the last LOOK_BACK_S."""
        return max((load for _, load in self._loads), default=0.0)

    @property
    def latest(self) -> float:
        """The cores in use in the last SPAN_S."""
        return self._loads[-1][1] if self._loads else 0.0

    def add(self, seconds: float, now: float) -> None:
        """``seconds`` of a core have been used until ``now``, in seconds."""
        self._spent.append((now, seconds))
        then, before = self._spent[0]
        if now - then >= SPAN_S:
            self._loads.append((now, (seconds - before) / (now - then)))
            self._spent.popleft()
        while self._loads and now - self._loads[0][0] > LOOK_BACK_S:
            self._loads.popleft()

    def begin_anew(self) -> None:
        """The seconds begin at another number: another process is measured from now on."""
        self._spent.clear()
