"""How much memory this process has."""

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PIECE_BYTES: Final = 16_384
PIECES: Final = 5_000


def own_memory() -> int:
    """In bytes, without files that are mapped."""
    resident, shared = Path("/proc/self/statm").read_text(encoding="ascii").split()[1:3]
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def freed_memory() -> Iterator[int]:
    """Free memory that the heap keeps. Yields how much there was before in all, and half of that
    memory less."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]
    pieces = [libc.malloc(PIECE_BYTES) for _ in range(PIECES)]
    for piece in pieces:
        ctypes.memset(piece, 1, PIECE_BYTES)
    for piece in pieces[:-1]:  # the last one keeps the heap from becoming smaller
        libc.free(piece)
    yield own_memory() - PIECES * PIECE_BYTES // 2
    libc.free(pieces[-1])
