"""The limits on streams and addresses: which streams count against ``max_streams``, and how many
sessions an address has.

A stream takes a place when somebody speaks in it, or listens with a token, and gives it back when
nobody has done so for KEPT_S. Anybody can listen at any name that nobody speaks at: such a name
takes no place, so it never keeps a speaker out, and it is forgotten when its last listener leaves.
There are at most NAMES_PER_PLACE of them for each place, to bound the memory.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final, Protocol

from signaling.errors import ProtocolError

#: How long a speaker whose connection is lost keeps the stream's place.
KEPT_S: Final = 60.0
NAMES_PER_PLACE: Final = 10


class Placed(Protocol):
    """What of a stream is looked at."""

    has_place: bool
    #: Since when nobody has spoken in it, or listened with a token; None: somebody does.
    unclaimed_since: float | None

    @property
    def is_claimed(self) -> bool:
        """Whether somebody speaks in it, or listens with a token."""


def check(streams: Iterable[Placed], most: int, *, place: bool) -> None:
    """Raises ProtocolError if there is no room for one more stream. ``most``: the number of
    places. ``place``: whether it takes one."""
    taken = [stream.has_place for stream in streams]
    if place and sum(taken) >= most:
        raise ProtocolError(
            "limit",
            f"This server has its {most} streams already. Try again later.",
            retry_after_s=30,
        )
    if not place and len(taken) - sum(taken) >= most * NAMES_PER_PLACE:
        raise ProtocolError(
            "limit",
            "Too many wait here at names that nobody speaks at. Check the stream's name, or try "
            "again when somebody speaks.",
            retry_after_s=30,
        )


def release(stream: Placed, now: float) -> None:
    """Give the stream's place back if it is time. Call it once a second."""
    if stream.is_claimed:
        stream.unclaimed_since = None
    elif stream.unclaimed_since is None:
        stream.unclaimed_since = now
    elif now - stream.unclaimed_since >= KEPT_S:
        stream.has_place = False


class Addresses:
    """The sessions of each address; ``most``: the maximum."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._sessions: Counter[str] = Counter()

    def check(self, address: str) -> None:
        """Raises ProtocolError if the address has its sessions already."""
        if self._sessions[address] >= self.most:
            raise ProtocolError(
                "limit",
                f"{self.most} sessions come from your address already: the host can raise "
                "max_sessions_per_address.",
                retry_after_s=30,
            )

    def add(self, address: str) -> None:
        """A session began."""
        self._sessions[address] += 1

    def remove(self, address: str) -> None:
        """A session ended."""
        self._sessions[address] -= 1
        if self._sessions[address] <= 0:
            del self._sessions[address]
