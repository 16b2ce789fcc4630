"""How many connections of one address may be under way at a time.

Until somebody has answered our certificate, an offer costs us more than its sender. So of one
address PLACES are set up at a time; who comes then waits in line for a moment, and is asked to
come back after that. Whoever has a place and has not even sent an authenticated check in some
seconds gives it up when it is wanted: half-open offers do not shut out those who mean it.
"""

import asyncio
import random
from contextlib import ExitStack
from typing import Protocol

PLACES = 20
WAIT_S = 3.0
#: Less than WAIT_S: whoever waits sees places of the silent become free. A check comes within a
#: round trip of the answer, and what the page takes.
PATIENCE_S = 2.0
_REVIEW_S = 0.25
#: To come back after; at random, so that those who were turned away together do not come
#: together.
BACK_AFTER_S = (1.0, 4.0)


class Busy(Exception):
    """No place was free in time. ``retry_after_s``: when to come back."""

    def __init__(self) -> None:
        super().__init__("too many connections are being set up from this address")
        self.retry_after_s = round(random.uniform(*BACK_AFTER_S), 1)


class Joining(Protocol):
    """Who takes a place."""

    @property
    def heard_from(self) -> bool:
        """Whether it has shown, by an authenticated check, that somebody is there."""
        ...

    def give_up(self, reason: str) -> None:
        """End the connection, for ``reason``."""


class Places:
    """How many connections each address may be setting up at once."""

    def __init__(self) -> None:
        self._addresses: dict[str, _Address] = {}

    async def enter(self, address: str) -> "Place":
        """A place, to be left. Raises Busy."""
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
    """``users``: who has a place or waits for one."""

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(PLACES)
        self.users = 0


class Place:
    """One connection's, from its offer until it is connected or gone."""

    def __init__(self, places: Places, address: str) -> None:
        self._places = places
        self._address = address
        self._review: asyncio.TimerHandle | None = None
        self._left = False

    def hold(self, joining: Joining) -> None:
        """Who has it."""
        self._review_after(PATIENCE_S, joining)

    def leave(self) -> None:
        """May be called again."""
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
