"""The queue of messages that wait at one end of a bus."""

from collections import deque
from typing import Generic, TypeVar

MAX_QUEUED_MESSAGES = 4096
MAX_QUEUED_BYTES = 8_000_000

_Item = TypeVar("_Item")


class DropOldest(Generic[_Item]):
    """A queue bounded in messages and bytes. When it is full, the oldest are dropped.
    ``dropped``: how many so far."""

    def __init__(self) -> None:
        self._items: deque[tuple[_Item, int]] = deque()
        self._size = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._items)

    def push(self, item: _Item, size: int) -> None:
        """Add ``item``, of ``size`` bytes."""
        self._items.append((item, size))
        self._size += size
        while len(self._items) > MAX_QUEUED_MESSAGES or self._size > MAX_QUEUED_BYTES:
            self.pop()
            self.dropped += 1

    def pop(self) -> _Item:
        """Remove and return the oldest. Raises IndexError if there is none."""
        item, size = self._items.popleft()
        self._size -= size
        return item

    def drop_all(self) -> None:
        """Drop and count everything that waits."""
        self.dropped += len(self._items)
        self._items.clear()
        self._size = 0
