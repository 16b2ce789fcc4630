"""Gives memory that the engines' libraries have freed back to the system.

Their threads allocate and free much for each call. glibc keeps what was freed for the thread that
freed it, with small pieces in use between: after an hour and a half with three languages an
interpreter held 650 MB, of which 290 were in use, and within a minute it grew by 80. Giving it back
takes some milliseconds, in which a thread that allocates may wait.

What Python's own objects hold is freed at once, unless they refer to each other in a circle: then
only a full garbage collection finds them, which Python makes rarely. The interpreter of a stream
that has ended is such a circle, with a recogniser of 50 MB, and with its glossary's models.

Of large pieces glibc would learn, from the first one that is freed, to keep them in the same way.
Here they always come from the system and go back to it.
"""

import asyncio
import ctypes
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

EVERY_S: Final = 10.0
LARGE_BYTES: Final = 16 << 20
#: M_MMAP_THRESHOLD of glibc's malloc.h.
_MMAP_THRESHOLD: Final = -3


async def give_back(has_garbage: Callable[[], bool], every_s: float = EVERY_S) -> None:
    """Give freed memory back now and then, until cancelled. ``has_garbage``: asked each time;
    whether a collection is worth its 40 ms, in which Python code waits. Only with glibc is there
    more to do."""
    libc = ctypes.CDLL(None)
    trim = getattr(libc, "malloc_trim", lambda pad: None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_MMAP_THRESHOLD, LARGE_BYTES)
    with ThreadPoolExecutor(1, "memory") as pool:
        while True:
            await asyncio.sleep(every_s)
            if has_garbage():
                await asyncio.get_running_loop().run_in_executor(pool, gc.collect)
            await asyncio.get_running_loop().run_in_executor(pool, trim, 0)
