"""Which streams are heard, and which languages are interpreted, when the machine does not carry
all that are asked for.

- What goes on stays so for as long as it is asked for: another stream or language is refused
  rather than that it sinks the others. It is let in once there is room.
- How much is too much is measured: the interpreter's processor time, how much of it is spent on
  recognition, and for how many streams and languages. A recogniser does with less where cores are
  short, so that what is refused would not fit even then. Where a language falls behind all the
  same, as when other programs take the cores, there is no room for another for a while.
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


#: What is admitted of a stream besides languages: that it is recognised what is said in it.
HEARING: Final = ""


class Admission:
    """``max_languages``: at a time, all streams together; 0: as many as ``cores`` carry, and as
    many streams."""

    def __init__(self, max_languages: int, cores: int) -> None:
        self._max_languages = max_languages
        self._cores = cores
        self._admitted: dict[tuple[str, str], float] = {}  # since when
        self._slow_at = -inf
        self._cpu = _Load()
        self._recognition = _Load()
        self._recognized_s = 0.0

    def spent(self, cpu_s: float, now: float, recognized_s: float = 0.0) -> None:
        """The interpreter has used ``cpu_s`` of processor time so far, and since it said so last
        ``recognized_s`` for recognition; after a new start it counts from zero."""
        self._recognized_s += recognized_s
        self._cpu.add(cpu_s, now)
        self._recognition.add(self._recognized_s, now)

    def hear(self, stream: str, wanted: bool, now: float) -> bool:
        """Whether what is said in a stream is recognised from now on. Who is refused is to ask
        again."""
        if not wanted:
            self._admitted.pop((stream, HEARING), None)
            return False
        return self._admits(stream, HEARING, now)

    def admit(self, stream: str, wanted: Iterable[str], now: float, slow: bool = False) -> set[str]:
        """Which of ``wanted``, the most important first, are interpreted in a stream from now
        on. The others are to ask again. ``slow``: one that is has fallen behind."""
        if slow:
            self._slow_at = now
        wanted = list(wanted)
        for key in list(self._admitted):
            if key[0] == stream and key[1] not in (*wanted, HEARING):
                del self._admitted[key]
        return {language for language in wanted if self._admits(stream, language, now)}

    def _admits(self, stream: str, what: str, now: float) -> bool:
        key = stream, what
        if key not in self._admitted and self._has_room(what, now):
            self._admitted[key] = now
        return key in self._admitted

    def _has_room(self, what: str, now: float) -> bool:
        languages = [since for (_, each), since in self._admitted.items() if each != HEARING]
        heard = [since for (_, each), since in self._admitted.items() if each == HEARING]
        if what == HEARING and (not heard or self._max_languages):
            return True
        if what != HEARING and not languages:
            return True
        if what != HEARING and self._max_languages:
            return len(languages) < self._max_languages
        if now - self._slow_at < LOOK_BACK_S:
            return False
        load = self._cpu.highest
        recognition = min(load, self._recognition.highest)
        hear, hearing = _cost(recognition, heard, now)
        interpret, interpreting = _cost(load - recognition, languages, now)
        more = hear if what == HEARING else interpret
        return load + hearing + interpreting + more <= BUSY * self._cores


class _Load:
    """Cores in use: the highest of the last LOOK_BACK_S, each over SPAN_S."""

    def __init__(self) -> None:
        self._spent: deque[tuple[float, float]] = deque()  # when, seconds so far
        self._loads: deque[tuple[float, float]] = deque()  # when, cores in use

    @property
    def highest(self) -> float:
        return max((load for _, load in self._loads), default=0.0)

    def add(self, seconds: float, now: float) -> None:
        if self._spent and seconds < self._spent[-1][1]:
            self._spent.clear()
        self._spent.append((now, seconds))
        then, before = self._spent[0]
        if now - then >= SPAN_S:
            self._loads.append((now, (seconds - before) / (now - then)))
            self._spent.popleft()
        while self._loads and now - self._loads[0][0] > LOOK_BACK_S:
            self._loads.popleft()


def _cost(load: float, since: list[float], now: float) -> tuple[float, float]:
    """What one more of a kind would cost, and what those will that came just now and are not in
    ``load`` yet."""
    new = sum(now - each < SETTLED_S for each in since)
    each = load / max(1, len(since) - new)
    return each, new * each
