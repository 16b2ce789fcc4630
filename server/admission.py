"""Which languages are interpreted, when the machine does not carry all that are asked for.

- What is interpreted stays so for as long as it is asked for: a new language is refused rather
  than that it sinks the others. It is let in once there is room.
- How much is too much is measured: the interpreter's processor time, and for how many languages.
  Where one falls behind all the same, as when other programs take the cores, there is no room
  for another for a while.
No I/O, no clock of its own.
"""

from collections import deque
from collections.abc import Iterable
from math import inf
from typing import Final

#: Of the cores, this much may be used: the media process needs some, and work comes in bursts.
BUSY: Final = 0.8
#: The load counts over so many seconds, and its highest of the last LOOK_BACK_S: a pause of the
#: speaker's makes no room.
SPAN_S: Final = 5.0
LOOK_BACK_S: Final = 60.0
#: After so many seconds what a new language costs has been measured.
SETTLED_S: Final = 10.0


class Admission:
    """``max_languages``: at a time, all streams together; 0: as many as ``cores`` carry."""

    def __init__(self, max_languages: int, cores: int) -> None:
        self._max_languages = max_languages
        self._cores = cores
        self._admitted: dict[tuple[str, str], float] = {}  # since when
        self._slow_at = -inf
        self._spent: deque[tuple[float, float]] = deque()  # when, processor seconds so far
        self._loads: deque[tuple[float, float]] = deque()  # when, cores in use

    def spent(self, cpu_s: float, now: float) -> None:
        """The interpreter has used ``cpu_s`` of processor time so far; after a new start it
        counts from zero."""
        if self._spent and cpu_s < self._spent[-1][1]:
            self._spent.clear()
        self._spent.append((now, cpu_s))
        then, before = self._spent[0]
        if now - then >= SPAN_S:
            self._loads.append((now, (cpu_s - before) / (now - then)))
            self._spent.popleft()
        while self._loads and now - self._loads[0][0] > LOOK_BACK_S:
            self._loads.popleft()

    def admit(self, stream: str, wanted: Iterable[str], now: float, slow: bool = False) -> set[str]:
        """Which of ``wanted``, the most important first, are interpreted in a stream from now
        on. The others are to ask again. ``slow``: one that is has fallen behind."""
        if slow:
            self._slow_at = now
        wanted = list(wanted)
        for key in list(self._admitted):
            if key[0] == stream and key[1] not in wanted:
                del self._admitted[key]
        for language in wanted:
            if (stream, language) not in self._admitted and self._has_room(now):
                self._admitted[stream, language] = now
        return {language for language in wanted if (stream, language) in self._admitted}

    def _has_room(self, now: float) -> bool:
        count = len(self._admitted)
        if not count:
            return True
        if self._max_languages:
            return count < self._max_languages
        if now - self._slow_at < LOOK_BACK_S:
            return False
        load = max((load for _, load in self._loads), default=0.0)
        new = sum(now - since < SETTLED_S for since in self._admitted.values())
        each = load / max(1, count - new)
        return load + (new + 1) * each <= BUSY * self._cores
