"""The processes that the fan-out benchmark measures."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from tools.bench import janus

READY_S = 30.0


@contextlib.asynccontextmanager
async def process(
    system: str, cores: Sequence[int], processes: int = 1
) -> AsyncIterator[tuple[str, int]]:
    """A server: its address and its main process, whose children any others are."""
    if system == "janus":
        async with janus.serving(cores[0]) as served:
            yield served
        return
    with TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "-m", "tools.bench.fanout_server", system, "--folder", folder),
            *("--cores", ",".join(map(str, cores)), "--media-processes", str(processes)),
        ]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        try:
            assert process.stdout is not None
            async with asyncio.timeout(READY_S):
                url = (await process.stdout.readline()).decode().strip()
            if not url:
                raise RuntimeError(f"the server of {system} ended before it was listening")
            yield url, process.pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()  # it has nothing to clean up
            await process.wait()


def children_of(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu_of(pids: Sequence[int]) -> NDArray[np.float64]:
    """CPU time of each process with all its threads, exact to the nanosecond."""
    total_ns = np.zeros(len(pids))
    for row, pid in enumerate(pids):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):  # the process has ended
                total_ns[row] += int((thread / "schedstat").read_text().split()[0])
    return total_ns / 1e9


def memory_of(pids: Sequence[int]) -> int:
    """Resident memory of these processes together, in bytes."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE")
