"""Threads for engine calls, with time limits and records of the time that calls take.

If there are more languages than cores, their calls take turns; languages with more listeners go
first. Recognition has a thread per core and takes no turns, because all languages of a stream
depend on it.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from server.bus.messages import Stage
from server.interpretation.engines import EngineError
from server.interpretation.turns import Turns
from server.machine import whole_cores
from server.process import described

P = ParamSpec("P")
R = TypeVar("R")


#: A call that takes longer than this gives its turn away, so that a hanging call blocks nobody.
TURN_S = 1.0


_log = logging.getLogger(__name__)


@contextlib.contextmanager
def as_engine_error(what: str) -> Iterator[None]:
    """Log any other exception of the body, and raise it as an EngineError: a bug in our own code
    around an engine then costs as much as a failure of that. ``what``: the call, for people."""
    try:
        yield
    except EngineError:
        raise
    except Exception as error:
        _log.error("%s: %s", what, described(error))
        raise EngineError(f"{what}: {type(error).__name__}") from error


class Overrun(EngineError):
    """An engine call exceeded its time limit. A native call cannot be cancelled: it continues in
    its thread, and its result is discarded."""


class Lane:
    """One thread, which runs its calls one after the other. ``stage``, ``language``: of its calls,
    for the statistics. ``turns``: calls wait for a turn in it, with the weight that ``weight``
    returns then."""

    def __init__(
        self,
        stage: str,
        language: str,
        turns: Turns | None = None,
        weight: Callable[[], int] = lambda: 0,
    ) -> None:
        self.stage = stage
        self.language = language
        self._turns = turns or Turns(1)
        self._weight = weight
        self._order = asyncio.Lock()
        self._executor = ThreadPoolExecutor(1, f"{stage}-{language}")
        self._since: float | None = None
        self._count = 0
        self._seconds = 0.0
        self._drained = (0, 0.0)

    async def call(
        self, limit_s: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run ``function`` in the thread and return its result. Raises what it raises, and Overrun
        after ``limit_s`` seconds, which include waiting for earlier calls and for a turn."""
        try:
            async with asyncio.timeout(limit_s) as limit, self._order:
                return await self._take_turn(lambda: function(*args, **kwargs))
        except TimeoutError:
            if not limit.expired():
                raise
            raise Overrun(f"{self.stage} took more than {limit_s:g} s") from None

    async def _take_turn(self, function: Callable[[], R]) -> R:
        async with self._turns.turn(self._weight()):
            result = self._start(function)
            try:
                await asyncio.wait([result], timeout=TURN_S)
            except asyncio.CancelledError:
                # Remove the call from the thread's queue before another call gets the turn.
                result.cancel()
                await asyncio.sleep(0)
                raise
        return await result

    def _start(self, function: Callable[[], R]) -> asyncio.Future[R]:
        return asyncio.wrap_future(self._executor.submit(self._timed, function))

    def stuck_s(self) -> float:
        """The age of the running call in seconds; 0 if there is none."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    def drain(self) -> Stage:
        """The calls that have ended since the last ``drain``."""
        # Only the thread writes the sums, so nothing that it adds meanwhile is lost.
        (count, seconds), self._drained = self._drained, (self._count, self._seconds)
        return Stage(
            self.stage, self.language, self._drained[0] - count, self._drained[1] - seconds
        )

    def close(self) -> None:
        """Accept no more calls. Does not wait for a running one."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _timed(self, function: Callable[[], R]) -> R:
        self._since = started = time.monotonic()
        try:
            return function()
        finally:
            self._since = None
            self._count += 1
            self._seconds += time.monotonic() - started


class Lanes:
    """All lanes of a process: one per stage and language, created when first used.
    ``listeners``: the number of listeners by stream, then by language. ``cores``: how many calls
    may run at once; None: the number of cores of this process."""

    def __init__(self, cores: int | None = None) -> None:
        self.listeners: dict[str, Mapping[str, int]] = {}
        self._lanes: dict[tuple[str, str, int], Lane] = {}
        self._cores = cores or whole_cores()
        self._turns = Turns(self._cores)
        self._hearing: dict[str, int] = {}

    def lane(self, stage: str, language: str = "", number: int = 0) -> Lane:
        """The lane of a stage and language. ``number`` tells several of these apart."""
        key = (stage, language, number)
        if key not in self._lanes:
            self._lanes[key] = self._new(stage, language)
        return self._lanes[key]

    def hearing(self, stream: str) -> Lane:
        """The lane for all recogniser calls of a stream, so that they stay in order: the one that
        the fewest streams have."""
        if stream not in self._hearing:
            taken = Counter(self._hearing.values())
            self._hearing[stream] = min(range(self._cores), key=taken.__getitem__)
        return self.lane("recognize", number=self._hearing[stream])

    def forget(self, stream: str) -> None:
        """The stream is not interpreted any more."""
        self.listeners.pop(stream, None)
        self._hearing.pop(stream, None)

    def _new(self, stage: str, language: str) -> Lane:
        return Lane(stage, language, *self._turns_of(language))

    def _turns_of(self, language: str) -> tuple[Turns | None, Callable[[], int]]:
        """The turns and the weight for the lane of ``language``; no turns if it is ""."""
        return self._turns if language else None, lambda: self._weight(language)

    def _weight(self, language: str) -> int:
        return sum(each.get(language, 0) for each in self.listeners.values())

    def stuck_s(self) -> float:
        """The age of the oldest running call in seconds; 0 if there is none."""
        return max((lane.stuck_s() for lane in self._lanes.values()), default=0.0)

    def drain(self) -> tuple[Stage, ...]:
        """The calls that have ended since the last ``drain``, of every lane that had any."""
        stages = (lane.drain() for lane in self._lanes.values())
        return tuple(stage for stage in stages if stage.count)

    def close(self) -> None:
        """Close all lanes. Does not wait for running calls."""
        for lane in self._lanes.values():
            lane.close()
