"""Limits how many connections of one address are set up at a time.

Until a participant has completed the DTLS handshake, its offer costs the server more than itself.
So PLACES connections of one address are set up at a time. Others wait for a moment, and are then
told to come back later. A connection without an authenticated check after some seconds gives up its
place when others wait: half-open offers do not shut out honest participants.
"""

import asyncio
import random
from contextlib import ExitStack
from typing import Protocol

PLACES = 20
WAIT_S = 3.0
#: Less than WAIT_S, so that whoever waits can get the place of a silent connection. A check comes
#: within a round trip after the answer, and the page's own time.
PATIENCE_S = 2.0
_REVIEW_S = 0.25
#: When to come back: at random, so that those who were refused together do not come together.
BACK_AFTER_S = (1.0, 4.0)


class Busy(Exception):
    """No place became free in time. ``retry_after_s``: when to come back."""

    def __init__(self) -> None:
        super().__init__("too many connections are being set up from this address")
        self.retry_after_s = round(random.uniform(*BACK_AFTER_S), 1)


class Joining(Protocol):
    """A connection that is being set up."""

    @property
    def heard_from(self) -> bool:
        """Whether an authenticated ICE check has arrived."""
        ...

    def give_up(self, reason: str) -> None:
        """End the connection, for ``reason``."""


class Places:
    """The places of all addresses."""

    def __init__(self) -> None:
        self._addresses: dict[str, _Address] = {}

    async def enter(self, address: str) -> "Place":
        """Wait for a place, which must be left. Raises Busy."""
        entered = self._addresses.setdefault(address, _Address())
        entered.users += 1
        with ExitStack() as undo:
            undo.callback(self._forget, address)
            try:
                async with asyncio.timeout(WAIT_S):
                    await entered.places.acquire()
            except TimeoutError:
                raise Busy from None
            undo.pop_all()
        return Place(self, address)

    def _leave(self, address: str) -> None:
        self._addresses[address].places.release()
        self._forget(address)

    def _is_full(self, address: str) -> bool:
        return self._addresses[address].places.locked()

    def _forget(self, address: str) -> None:
        self._addresses[address].users -= 1
        if not self._addresses[address].users:
            del self._addresses[address]


class _Address:
    """``users``: connections that have a place or wait for one."""

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(PLACES)
        self.users = 0


class Place:
    """One connection's place, from its offer until it is connected or gone."""

    def __init__(self, places: Places, address: str) -> None:
        self._places = places
        self._address = address
        self._review: asyncio.TimerHandle | None = None
        self._left = False

    def hold(self, joining: Joining) -> None:
        """``joining`` has this place. It loses it if it stays silent while others wait."""
        self._review_after(PATIENCE_S, joining)

    def leave(self) -> None:
        """Free the place. May be called again."""
        if not self._left:
            self._left = True
            if self._review is not None:
                self._review.cancel()
            self._places._leave(self._address)

    def _review_after(self, seconds: float, joining: Joining) -> None:
        loop = asyncio.get_running_loop()
        self._review = loop.call_later(seconds, self._look, joining)

    def _look(self, joining: Joining) -> None:
        if self._places._is_full(self._address) and not joining.heard_from:
            joining.give_up("nothing was heard of it while others of its address waited")
        else:
            self._review_after(_REVIEW_S, joining)
