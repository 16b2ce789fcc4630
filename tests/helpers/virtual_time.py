"""A loop whose clock does not wait, and lanes whose calls take as long as they are said to."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from server.interpretation.lanes import Lane, Lanes, Overrun

P = ParamSpec("P")
R = TypeVar("R")


class _Jumping(selectors.DefaultSelector):
    """Instead of waiting, ``now_s`` moves on."""

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
    """What ``main`` returns. It sleeps no real time, and uses neither threads nor sockets."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        return runner.run(main)


class _TimedLane(Lane):
    def __init__(self, stage: str, language: str, cost_s: Callable[[str, object], float]) -> None:
        super().__init__(stage, language)
        self._cost_s = cost_s
        self._turn = asyncio.Lock()

    async def call(
        self, limit_s: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        try:
            async with asyncio.timeout(limit_s), self._turn:
                result = self._timed(lambda: function(*args, **kwargs))
                took_s = self._cost_s(self.stage, result)
                self._seconds += took_s
                await asyncio.sleep(took_s)
                return result
        except TimeoutError:
            raise Overrun(f"{self.stage} took more than {limit_s:g} s") from None


class TimedLanes(Lanes):
    """``cost_s(stage, result)``: how long a call takes."""

    def __init__(self, cost_s: Callable[[str, object], float]) -> None:
        super().__init__()
        self._cost_s = cost_s

    def _new(self, stage: str, language: str) -> Lane:
        return _TimedLane(stage, language, self._cost_s)
