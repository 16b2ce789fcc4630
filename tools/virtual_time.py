"""An event loop with a virtual clock, and lanes whose calls take a given virtual time."""

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from server.interpretation.lanes import Lane, Lanes

R = TypeVar("R")


class _Jumping(selectors.DefaultSelector):
    """Does not wait: moves ``now_s`` on by the timeout instead."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("nothing will ever happen")
            self.now_s += max(0.0, timeout)
        return ready


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


def run(main: Coroutine[Any, Any, R]) -> R:
    """Run ``main`` in virtual time; returns its result. It may use neither threads nor sockets."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        return runner.run(main)


class _TimedLane(Lane):
    cost_s: Callable[[str, object], float] | None

    def _start(self, function: Callable[[], R]) -> asyncio.Future[R]:
        began_s = time.process_time()
        result = self._timed(function)
        took_s = time.process_time() - began_s
        if self.cost_s is not None:
            took_s = self.cost_s(self.stage, result)
        self._seconds += took_s
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        loop.call_later(took_s, _settle, future, result)
        return future


def _settle(future: asyncio.Future[R], result: R) -> None:
    if not future.done():
        future.set_result(result)


class TimedLanes(Lanes):
    """``cost_s(stage, result)``: the virtual time that a call takes, in seconds; by default the
    processor time that it took."""

    def __init__(
        self, cost_s: Callable[[str, object], float] | None = None, cores: int = 2
    ) -> None:
        super().__init__(cores)
        self._cost_s = cost_s

    def _new(self, stage: str, language: str) -> Lane:
        lane = _TimedLane(stage, language, *self._turns_of(language))
        lane.cost_s = self._cost_s
        return lane
