"""The clock of the media process: a tick every 20 ms.

Tick n is due at start + n x 20 ms on the loop's clock. If the loop is late by a tick or more, the
ticks whose time has passed are skipped and counted. They are never made up for in a burst, because
listeners' jitter buffers cope better with a gap. Speech that waits to be played is not lost by a
skipped tick; it only waits longer.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from server.media.opus import TICK_S
from server.process import described

log = logging.getLogger(__name__)


class Ticking(Protocol):
    """What a pacer drives: StreamPlayout."""

    def tick(self, tick: int) -> None:
        """Play the 20 ms of ``tick``."""


class Pacer:
    """Drives the playouts of all streams. ``skipped`` counts ticks, ``failed`` the ticks of single
    playouts that raised an exception. Such a playout loses 20 ms and goes on with the next tick.

    ``observe_lateness_s`` is called once a tick with how late it ran. ``clock`` must count as
    the event loop's does; it and ``sleep`` are parameters for tests.
    """

    def __init__(
        self,
        observe_lateness_s: Callable[[float], None] = lambda lateness_s: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.skipped = 0
        self.failed = 0
        self._observe_lateness_s = observe_lateness_s
        self._clock = clock
        self._sleep = sleep
        self._playouts: set[Ticking] = set()
        self._failing: set[Ticking] = set()
        self._start = clock()
        self._next = 0

    @property
    def now_tick(self) -> int:
        """The current tick. Ticks count from when the pacer was made."""
        return int((self._clock() - self._start) / TICK_S)

    def add(self, playout: Ticking) -> None:
        """Drive ``playout`` from the next tick on."""
        self._playouts.add(playout)

    def remove(self, playout: Ticking) -> None:
        """Stop driving ``playout``."""
        self._playouts.discard(playout)
        self._failing.discard(playout)

    async def run(self) -> None:
        """Tick until cancelled."""
        self._next = self.now_tick + 1
        while True:
            due = self._start + self._next * TICK_S
            await self._sleep(max(0.0, due - self._clock()))
            lateness_s = max(0.0, self._clock() - due)
            missed = int(lateness_s / TICK_S)
            self.skipped += missed
            self._next += missed
            self._observe_lateness_s(lateness_s)
            self._tick(self._next)
            self._next += 1

    def _tick(self, tick: int) -> None:
        for playout in tuple(self._playouts):
            try:
                playout.tick(tick)
            except Exception as error:  # noqa: BLE001  a stream's bug must not silence others
                self.failed += 1
                if playout not in self._failing:  # once, not 50 times a second
                    log.error("a stream could not be played at %d: %s", tick, described(error))
                self._failing.add(playout)
            else:
                self._failing.discard(playout)
