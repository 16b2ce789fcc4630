"""Slows down whoever guesses the ``resume`` secrets of sessions.

A secret that no session has is usual after the server was started again: then all participants
behind one address send theirs at once. So as many are free as an address may have sessions, and
all are free again after a minute.
"""

from typing import Final

from signaling.errors import ProtocolError
from signaling.rates import Bucket

#: In this time all guesses of an address are free again.
FREE_AGAIN_S: Final = 60.0
#: Addresses whose guesses are counted; of more, the one that was counted first is forgotten.
MAX_ADDRESSES: Final = 10_000


class Guesses:
    """``at_once``: wrong secrets of an address that are free."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._left: dict[str, Bucket] = {}

    def count(self, address: str, now_s: float) -> None:
        """Count a wrong secret. ``now_s``: of a monotonic clock. Raises ProtocolError if there
        were too many."""
        bucket = self._left.pop(address, None) or self._fresh()
        if len(self._left) >= MAX_ADDRESSES:
            del self._left[next(iter(self._left))]
        self._left[address] = bucket
        if not bucket.take(now_s):
            raise ProtocolError(
                "limit",
                "Too many joins from your address named a session that does not exist. Reload the "
                "page, or come back later.",
                retry_after_s=FREE_AGAIN_S,
            )

    def _fresh(self) -> Bucket:
        return Bucket(self._at_once / FREE_AGAIN_S, self._at_once)
