"""Runs Python's full garbage collections while nobody listens.

A full collection visits every object, and no packet is sent meanwhile: about 40 ms for the server
itself, and 30 ms more for each hundred listeners. By default Python makes one just when a crowd
joins. So here the objects that exist at the start are frozen (never visited again), the young
generations are collected as usual (a few milliseconds), and a full collection is made when nobody
listens, or when so much has gathered that memory matters more than a pause.

These settings are the whole process's, so only the code that starts a process uses this.
"""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable
from typing import Final

#: How often to look whether anybody listens.
EVERY_S: Final = 1.0
#: A full collection is made after this many of the middle generation. One of those follows about
#: 7,000 new objects, so this is about 700 listeners who came and went.
MANY_SEARCHES: Final = 30
_NEVER: Final = 1_000_000


@contextlib.asynccontextmanager
async def when_idle(
    idle: Callable[[], bool], every_s: float = EVERY_S, many_searches: int = MANY_SEARCHES
) -> AsyncIterator[None]:
    """While the body runs, make full collections only when ``idle`` returns True, or after
    ``many_searches`` collections of the middle generation. Objects that exist already are not
    visited."""

    async def search() -> None:
        while True:
            await asyncio.sleep(every_s)
            searches = gc.get_count()[2]
            if searches >= many_searches or (searches and idle()):
                gc.collect()

    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*thresholds[:2], _NEVER)
    try:
        async with asyncio.TaskGroup() as group:
            searching = group.create_task(search(), name="search-garbage")
            yield
            searching.cancel()
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
