"""A queue with a bound that drops its oldest item when full."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class DropOldest(Generic[T]):
    """A queue whose items have a total ``size`` of at most ``limit``, but always holds one.
    ``on_drop`` is called with each item that is dropped to make room. For one reader."""

    def __init__(
        self,
        limit: int,
        on_drop: Callable[[T], None],
        size: Callable[[T], int] = lambda item: 1,
    ) -> None:
        self._limit = limit
        self._on_drop = on_drop
        self._size = size
        self._items: deque[T] = deque()
        self._held = 0
        self._closed = False
        self._changed = asyncio.Event()

    @property
    def oldest(self) -> T | None:
        """The item that ``get`` returns next; None while the queue is empty."""
        return self._items[0] if self._items else None

    @property
    def closed(self) -> bool:
        """Whether the queue is closed."""
        return self._closed

    def put(self, item: T, merge: Callable[[T, T], T | None] = lambda newest, item: None) -> None:
        """Add ``item``; does nothing when closed. ``merge``, called with the newest item and
        ``item``, may return one item to put in place of both, or None."""
        if self._closed:
            return
        if self._items and (merged := merge(self._items[-1], item)) is not None:
            self._held -= self._size(self._items.pop())
            item = merged
        self._items.append(item)
        self._held += self._size(item)
        while self._held > self._limit and len(self._items) > 1:
            self._on_drop(self._take())
        self._changed.set()

    async def get(self) -> T | None:
        """Wait for the next item. None: the queue is closed and empty."""
        while not self._items:
            if self._closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._take()

    def close(self) -> None:
        """Accept no more items. Those in the queue can still be read."""
        self._closed = True
        self._changed.set()

    def reopen(self) -> None:
        """Accept items again."""
        self._closed = False

    def _take(self) -> T:
        item = self._items.popleft()
        self._held -= self._size(item)
        return item
