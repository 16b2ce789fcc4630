"""When Python looks for garbage in cycles: not while people listen.

A full search visits every object there is and sends no packet meanwhile: some 40 ms for what a
server is made of, and 30 more for each hundred listeners. Left to itself Python does one just
when a crowd joins. So what there is at the start is set aside for good, what is young is looked
through as ever (a few milliseconds), and all the rest when nobody listens, or when so much has
gathered that memory matters more than a pause.

All of this is the process's, so it is for its edge to ask for it.
"""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable
from typing import Final

#: How often it is asked whether anybody listens.
EVERY_S: Final = 1.0
#: Searches among the young, each after some 7,000 new objects: 700 listeners who came and went.
MANY_SEARCHES: Final = 30
_NEVER: Final = 1_000_000


@contextlib.asynccontextmanager
async def when_idle(
    idle: Callable[[], bool], every_s: float = EVERY_S, many_searches: int = MANY_SEARCHES
) -> AsyncIterator[None]:
    """While the body runs, search all that came since now only when ``idle`` says so, or after
    ``many_searches`` among the young."""

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
