"""Keeps the glossaries that were put while the server ran, so that it has them again after a
restart: a file for each stream in the state folder."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final, TypeVar

T = TypeVar("T")

#: Time limit for writing a file, with waiting for those before.
WRITE_S: Final = 10.0
SUFFIX: Final = ".json"


@dataclass(frozen=True, slots=True)
class Put:
    """A glossary as it was put, and when, in seconds since 1970."""

    stream: str
    data: bytes
    put_s: float


class GlossaryFiles:
    """Files in ``folder``, which need not exist yet. The newest ``most`` of them are kept."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most
        self._pool = ThreadPoolExecutor(1, "glossaries")
        self._turn = asyncio.Lock()

    def read(self) -> list[Put]:
        """All of them, the oldest first. What cannot be read is left out."""
        found = []
        for path, put_s in self._paths():
            with contextlib.suppress(OSError):
                found.append(Put(path.stem, path.read_bytes(), put_s))
        return found

    async def keep(self, stream: str, data: bytes) -> None:
        """Write a glossary to its file. Raises OSError, also if it takes too long."""
        await self.call(lambda: self._write(self._path(stream), data))

    async def drop(self, stream: str) -> None:
        """Remove the stream's file, if there is one. Raises OSError, also if it takes too long."""
        await self.call(lambda: self._path(stream).unlink(missing_ok=True))

    def close(self) -> None:
        """Accept nothing more. Does not wait for what is being written."""
        self._pool.shutdown(wait=False)

    async def call(self, work: Callable[[], T]) -> T:
        """Run ``work`` in the thread of the files. Raises what it raises, OSError if it takes too
        long. One at a time, so that nothing gathers if the disk hangs."""
        async with asyncio.timeout(WRITE_S):
            await self._turn.acquire()
            running = asyncio.get_running_loop().run_in_executor(self._pool, work)
            running.add_done_callback(self._ended)
            return await asyncio.shield(running)

    def _ended(self, work: asyncio.Future[T]) -> None:
        self._turn.release()
        if not work.cancelled():
            work.exception()  # or asyncio would log it, if nobody waits any more

    def _write(self, path: Path, data: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self._folder, delete=False) as file:
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                os.replace(file.name, path)
            except OSError:
                os.unlink(file.name)
                raise
        for old, _ in self._paths()[: -self._most]:
            old.unlink(missing_ok=True)

    def _path(self, stream: str) -> Path:
        return self._folder / f"{stream}{SUFFIX}"

    def _paths(self) -> list[tuple[Path, float]]:
        """The files and their times, the oldest first."""
        found = []
        for path in self._folder.glob(f"*{SUFFIX}"):
            with contextlib.suppress(OSError):
                found.append((path, path.stat().st_mtime))
        return sorted(found, key=lambda each: each[1])
