"""The last ten minutes of a few values: one bar for every five seconds, the highest in it."""

import time
from collections import deque
from collections.abc import Mapping
from typing import Final

#: Bars of one strip, and the seconds that each stands for.
BARS: Final = 120
BAR_S: Final = 5.0


class Strips:
    """Strips by name, oldest bar first."""

    def __init__(self) -> None:
        self._bars: dict[str, deque[float]] = {}
        self._highest: dict[str, float] = {}
        self._since_s: float | None = None

    def of(self, name: str) -> list[float]:
        """The complete bars of a strip."""
        return list(self._bars.get(name, ()))

    def add(self, values: Mapping[str, float], now_s: float) -> None:
        """Take the values as of ``now_s``. Strips that are not among them are forgotten."""
        for name in self._bars.keys() - values.keys():
            del self._bars[name]
            self._highest.pop(name, None)
        for name, value in values.items():
            self._bars.setdefault(name, deque(maxlen=BARS))
            self._highest[name] = max(value, self._highest.get(name, 0.0))
        since_s = self._since_s
        if since_s is None or now_s - since_s >= BAR_S:
            if since_s is None or now_s - since_s >= 2 * BAR_S:
                self._since_s = now_s
            else:  # so that bars are no longer because values come a little late
                self._since_s = since_s + BAR_S
            for name, value in self._highest.items():
                self._bars[name].append(round(value, 1))
            self._highest.clear()


class Cpu:
    """The number of cores that this process uses, between two calls of ``latest``."""

    def __init__(self) -> None:
        self._at_s, self._spent_s = time.monotonic(), time.process_time()

    def latest(self) -> float:
        """Since the call before."""
        now_s, spent_s = time.monotonic(), time.process_time()
        share = (spent_s - self._spent_s) / max(0.001, now_s - self._at_s)
        self._at_s, self._spent_s = now_s, spent_s
        return share
