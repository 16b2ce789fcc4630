"""Whether a participant is still there, and consents to be sent audio (RFC 7675).

- It is checked every INTERVAL_S. If it does not answer, it is checked every RETRY_S. It is gone
  once it has answered none of TRIES checks, and nothing for EXPIRY_S: 14 s at most after it has
  vanished. The RFC allows 30 s.
- RETRY_S is longer than a long way there and back, 600 ms. Later answers count, too.
- Where one in ten datagrams is lost each way, TRIES checks all remain unanswered once in 10^8
  rounds of INTERVAL_S.
- Checks count, not seconds alone: if this machine stands still for a while, nobody is gone.
"""

import asyncio
import random
from collections.abc import Callable

INTERVAL_S = 5.0
RETRY_S = 0.7
TRIES = 11
EXPIRY_S = 13.3


class Consent:
    """``check`` sends a check, ``lost`` is called once the participant is gone. Nothing happens
    before consent is first ``given``."""

    def __init__(self, check: Callable[[], None], lost: Callable[[], None]) -> None:
        self._check, self._lost = check, lost
        self._loop = asyncio.get_running_loop()
        self._unanswered = 0
        self._given_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def given(self) -> None:
        """The participant is there now."""
        self._unanswered = 0
        self._given_s = self._loop.time()
        self._wait(INTERVAL_S * random.uniform(0.8, 1.2))

    def end(self) -> None:
        """Check no more, and forget both callbacks: they refer to the owner of this."""
        if self._timer is not None:
            self._timer.cancel()
        self._check = self._lost = _nothing

    def _wait(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        if self._unanswered >= TRIES and self._loop.time() - self._given_s >= EXPIRY_S:
            self._lost()
            return
        self._unanswered += 1
        self._wait(RETRY_S)
        self._check()


def _nothing() -> None:
    """A callback that is not needed any more."""
