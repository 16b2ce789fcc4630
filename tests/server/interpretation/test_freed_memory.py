import asyncio
import subprocess
import sys

from server.interpretation.freed_memory import give_back
from tests.helpers.memory import freed_memory, own_memory
from tests.helpers.waiting import until

LARGE = 24_000_000
#: glibc has learnt from the first large piece; the second stays after it was freed, as a small
#: piece follows it.
KEEPS_LARGE = f"""
import asyncio, ctypes
from server.interpretation.freed_memory import give_back
from tests.helpers.memory import own_memory

async def main():
    task = asyncio.create_task(give_back(lambda: False, every_s=60))
    await asyncio.sleep(0)
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]
    libc.free(libc.malloc({LARGE}))
    before = own_memory()
    large = libc.malloc({LARGE})
    ctypes.memset(large, 1, {LARGE})
    small = libc.malloc(1000)
    libc.free(large)
    print(own_memory() - before)
    task.cancel()

asyncio.run(main())
"""


async def test_memory_that_was_freed_between_pieces_in_use_is_given_back() -> None:
    with freed_memory() as most:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(give_back(lambda: False, every_s=0.01))
            await until(lambda: own_memory() < most)
            task.cancel()


def test_large_pieces_are_given_back_at_once() -> None:
    # In a process of its own, as what glibc has learnt holds for the whole process.
    printed = subprocess.check_output([sys.executable, "-c", KEEPS_LARGE], timeout=60, text=True)
    assert int(printed) < LARGE / 2
