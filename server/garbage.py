"""Runs Python's full garbage collections mostly while nobody listens.

A full collection visits every object, and no packet is sent meanwhile. So here the objects that
exist at the start are frozen (never visited again); then it takes 2 to 8 ms for each hundred
listeners. It is made when nobody listens, or when much has gathered, but not while a crowd joins. A
session that ended is some twenty objects that only a full collection finds. What they took is then
given back to the system, which takes a millisecond.

These settings are the whole process's, so only the code that starts a process uses this.
"""

import asyncio
import contextlib
import ctypes
import gc
from collections.abc import AsyncIterator, Callable
from typing import Final

#: How often to look whether anybody listens.
EVERY_S: Final = 1.0
#: Much: after so many collections of the middle generation. One of those follows about 7,000 new
#: objects: 350 listeners who came and went, or 30 who came.
MANY_SEARCHES: Final = 3
#: So much that it is made at once, also while a crowd joins.
MOST_SEARCHES: Final = 30
_NEVER: Final = 1_000_000


@contextlib.asynccontextmanager
async def when_idle(idle: Callable[[], bool], every_s: float = EVERY_S) -> AsyncIterator[None]:
    """While the body runs, make full collections when ``idle`` returns True, or much has gathered.
    Objects that exist already are not visited."""

    trim = getattr(ctypes.CDLL(None), "malloc_trim", lambda pad: None)  # only glibc has it

    async def search() -> None:
        before = 0
        while True:
            await asyncio.sleep(every_s)
            searches = gc.get_count()[2]
            calm = searches == before
            before = searches
            many = searches >= (MANY_SEARCHES if calm else MOST_SEARCHES)
            if many or (searches and idle()):
                gc.collect()
                trim(0)

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
