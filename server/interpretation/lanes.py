"""Threads for engine calls, each with a time limit and a record of the time they took.

Where there are more languages than cores, their calls take turns, those of the languages with
the most listeners first. Recognition has a thread for each core and takes no turns: all languages
of a stream wait for it.
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from server.bus.messages import Stage
from server.interpretation.engines import EngineError
from server.interpretation.turns import Turns

P = ParamSpec("P")
R = TypeVar("R")


#: Streams whose lane is remembered: more than are ever interpreted at a time.
REMEMBERED = 256
#: A call that takes longer than this gives its turn away: what hangs is to hold up nobody.
TURN_S = 1.0


class Overrun(EngineError):
    """An engine took longer than it may. A native call cannot be cancelled: it goes on in its
    thread, and its result is thrown away."""


class Lane:
    """One thread: its calls run one after the other. ``stage`` and ``language`` say what of;
    ``turns``: what they wait for, by the weight they have then."""

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
        """What ``function`` returns. Raises Overrun when that takes more than ``limit_s``, the
        wait for earlier calls and for its turn included, and what ``function`` raises."""
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
                # Taken back from the thread, which may become free, before anybody goes on.
                result.cancel()
                await asyncio.sleep(0)
                raise
        return await result

    def _start(self, function: Callable[[], R]) -> asyncio.Future[R]:
        return asyncio.wrap_future(self._executor.submit(self._timed, function))

    def stuck_s(self) -> float:
        """The age of the call under way; 0 while there is none."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    def drain(self) -> Stage:
        """The calls that ended since the last time."""
        # Only the thread writes the sums: nothing it adds meanwhile is lost.
        (count, seconds), self._drained = self._drained, (self._count, self._seconds)
        return Stage(
            self.stage, self.language, self._drained[0] - count, self._drained[1] - seconds
        )

    def close(self) -> None:
        """Take no more calls. Does not wait for one under way."""
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
    """All lanes of a process: one for each stage and language, made when first used.
    ``listeners``: how many each language has, by stream. ``cores``: for languages, this
    process's unless told."""

    def __init__(self, cores: int | None = None) -> None:
        self.listeners: dict[str, Mapping[str, int]] = {}
        self._lanes: dict[tuple[str, str, int], Lane] = {}
        self._cores = cores or len(os.sched_getaffinity(0))
        self._turns = Turns(self._cores)
        self._hearing: dict[str, int] = {}

    def lane(self, stage: str, language: str = "", number: int = 0) -> Lane:
        """The lane of this stage, language and number; made when first asked for."""
        key = (stage, language, number)
        if key not in self._lanes:
            self._lanes[key] = self._new(stage, language)
        return self._lanes[key]

    def hearing(self, stream: str) -> Lane:
        """What a stream's recognisers are called in: one after the other, as their sound is."""
        if stream not in self._hearing:
            latest = next(reversed(self._hearing.values()), 0)
            self._hearing[stream] = (latest + 1) % self._cores
            if len(self._hearing) > REMEMBERED:
                del self._hearing[next(iter(self._hearing))]
        return self.lane("recognize", number=self._hearing[stream])

    def _new(self, stage: str, language: str) -> Lane:
        return Lane(stage, language, *self._turns_of(language))

    def _turns_of(self, language: str) -> tuple[Turns | None, Callable[[], int]]:
        """What calls of a lane wait for."""
        return self._turns if language else None, lambda: self._weight(language)

    def _weight(self, language: str) -> int:
        return sum(each.get(language, 0) for each in self.listeners.values())

    def stuck_s(self) -> float:
        """The age of the oldest call under way."""
        return max((lane.stuck_s() for lane in self._lanes.values()), default=0.0)

    def drain(self) -> tuple[Stage, ...]:
        """What the stages did since the last call; only those that did something."""
        stages = (lane.drain() for lane in self._lanes.values())
        return tuple(stage for stage in stages if stage.count)

    def close(self) -> None:
        """Take no more calls."""
        for lane in self._lanes.values():
            lane.close()
