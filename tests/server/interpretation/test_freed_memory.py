import asyncio
import ctypes

from server.interpretation.freed_memory import give_back
from tests.helpers.memory import own_memory
from tests.helpers.waiting import until

PIECE_BYTES = 16_384
PIECES = 5_000


async def test_memory_that_was_freed_between_pieces_in_use_is_given_back() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]
    pieces = [libc.malloc(PIECE_BYTES) for _ in range(PIECES)]
    for piece in pieces:
        ctypes.memset(piece, 1, PIECE_BYTES)
    for piece in pieces[:-1]:  # the last one keeps the heap from becoming smaller
        libc.free(piece)
    before = own_memory()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(give_back(every_s=0.01))
        await until(lambda: own_memory() < before - PIECES * PIECE_BYTES / 2)
        task.cancel()
    libc.free(pieces[-1])
