"""Decides which streams are recognised and which languages are interpreted, if the machine cannot
do all that are wanted.

- A stream or language that was admitted stays admitted as long as it is wanted. A further one that
  would overload the machine is refused, and admitted once there is room.
- The load is measured: the interpreter's CPU time, the part of it spent on recognition, and the
  number of streams and languages. A recogniser takes less time when cores are short; what is
  refused would not fit even then.
- With several machines, what each of them does and could do is known instead: see ``room``.
- Other programs may use the cores. So the time that the interpreter waits for a core counts as
  load, too, and while people notice that there are too few (see ``contention``), or for a while
  after a language fell behind, nothing further is admitted.
No I/O, no clock of its own.
"""

from collections.abc import Callable, Iterable
from math import inf
from typing import Final

from server.load import LOOK_BACK_S, Load
from server.streams.contention import Contention

#: The share of the cores that interpreting may use. The media process needs some, and the load
#: comes in bursts.
BUSY: Final = 0.8
#: After this time the measured load includes a new language.
SETTLED_S: Final = 10.0
#: Its threads wait for each other for up to this part of the interpreter's CPU time, also if no
#: other program uses the cores. Only what is beyond counts as load.
OWN_WAIT: Final = 0.5


#: Stands in place of a language for the recognition of a stream, which is admitted as well.
HEARING: Final = ""


class Admission:
    """``max_languages``: a limit for all streams together, which may change; 0: as many languages
    and streams as ``cores`` are enough for. ``contention``: what people notice; to be told of
    clauses and ticks. ``room``: whether another machine has room for a language of a stream, or for
    HEARING; None if there is only this machine."""

    def __init__(self, max_languages: int, cores: float) -> None:
        self.contention = Contention()
        self.max_languages = max_languages
        self.room: Callable[[str, str], bool] | None = None
        self._cores = cores
        self._admitted: dict[tuple[str, str], float] = {}  # since when
        self._slow_at = -inf
        self._cpu = Load()
        self._recognition = Load()
        self._recognized_s = 0.0
        self._before = 0.0, 0.0
        self._wanted_s = 0.0

    def spent(
        self, cpu_s: float, now: float, recognized_s: float = 0.0, waited_s: float = 0.0
    ) -> None:
        """Take note of the interpreter's CPU time. ``cpu_s``: since its start. ``waited_s``: how
        long its threads have waited for a core since then. ``recognized_s``: of recognition, since
        the last call. What a process used before its first call is no load: it loaded models."""
        self._recognized_s += recognized_s
        cpu_before, waited_before = self._before
        self._before = cpu_s, waited_s
        if cpu_s < cpu_before:  # another process
            cpu_before, waited_before = cpu_s, waited_s
        ran_s = cpu_s - cpu_before
        self._wanted_s += ran_s + max(0.0, waited_s - waited_before - OWN_WAIT * ran_s)
        self._cpu.add(self._wanted_s, now)
        self._recognition.add(self._recognized_s, now)

    def loads(self, cpu_s: float, waited_s: float) -> None:
        """The interpreter is another process, or loads its models. Arguments as for ``spent``."""
        self._before = cpu_s, waited_s

    @property
    def load(self) -> float:
        """The number of cores that the interpreter uses now."""
        return self._cpu.latest

    def hear(self, stream: str, wanted: bool, now: float) -> bool:
        """Whether a stream is recognised from now on. If it is refused, ask again later."""
        if not wanted:
            self._admitted.pop((stream, HEARING), None)
            return False
        return self._admits(stream, HEARING, now)

    def fell_behind(self, now: float) -> None:
        """A language comes too late."""
        self._slow_at = now

    def admit(self, stream: str, wanted: Iterable[str], now: float) -> set[str]:
        """Which of ``wanted``, most important first, are interpreted in a stream from now on. For
        the others, ask again later."""
        wanted = list(wanted)
        for key in list(self._admitted):
            if key[0] == stream and key[1] not in (*wanted, HEARING):
                del self._admitted[key]
        return {language for language in wanted if self._admits(stream, language, now)}

    def _admits(self, stream: str, what: str, now: float) -> bool:
        key = stream, what
        if key not in self._admitted and self._has_room(stream, what, now):
            self._admitted[key] = now
        return key in self._admitted

    def _has_room(self, stream: str, what: str, now: float) -> bool:
        languages = [since for (_, each), since in self._admitted.items() if each != HEARING]
        heard = [since for (_, each), since in self._admitted.items() if each == HEARING]
        if what == HEARING and (not heard or self.max_languages):
            return True
        if what != HEARING and not languages:
            return True
        if what != HEARING and self.max_languages:
            return len(languages) < self.max_languages
        if now - self._slow_at < LOOK_BACK_S or self.contention.is_felt(now):
            return False
        if self.room is not None:
            return self.room(stream, what)
        load = self._cpu.highest
        recognition = min(load, self._recognition.highest)
        hear, hearing = _cost(recognition, heard, now)
        interpret, interpreting = _cost(load - recognition, languages, now)
        more = hear if what == HEARING else interpret
        return load + hearing + interpreting + more <= BUSY * self._cores


def _cost(load: float, since: list[float], now: float) -> tuple[float, float]:
    """The cores that one more stream or language needs, and those that the new ones need, which
    ``load`` does not include yet. ``since``: when each was admitted."""
    new = sum(now - each < SETTLED_S for each in since)
    each = load / max(1, len(since) - new)
    return each, new * each
