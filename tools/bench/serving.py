"""Starts a server as its users start it, and reads its metrics."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO, Self

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from server.process import end

READY_S = 60.0
END_S = 6.0


class Serving:
    """A running server. ``url``: its address; ``pid``: of its media process."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid

    async def get(self, path: str) -> tuple[int, str]:
        """GET a path of the server; returns status and body."""
        async with aiohttp.ClientSession() as http, http.get(self.url + path) as response:
            return response.status, await response.text()

    async def metric(self, name: str) -> float:
        """The sum of a metric's samples. Raises KeyError where there is no such metric."""
        _, text = await self.get("/metrics")
        values = [
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name
        ]
        if not values:
            raise KeyError(name)
        return sum(values)

    def interpreter_pid(self) -> int:
        """The process id of its interpreter. Raises LookupError if there is none."""
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == self.pid and b"worker" in (process / "cmdline").read_bytes():
                    return int(process.name)
        raise LookupError("the server has no interpreter process")


@contextlib.asynccontextmanager
async def serving(*options: str, log: IO[bytes] | None = None) -> AsyncIterator[Serving]:
    """A server that is ready, on a free port of loopback. It is stopped on leaving. ``log``: the
    file for its log; by default it writes to our standard error."""
    with tempfile.TemporaryDirectory() as state:
        command = [sys.executable, "-m", "server", "--port", "0", "--state", state]
        command += ["--fetch", "never", *options]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=log
        )
        try:
            assert process.stdout is not None
            async with asyncio.timeout(READY_S):
                while b"/listen/" not in (line := await process.stdout.readline()):
                    if not line:
                        raise RuntimeError("the server ended before it was listening")
                url = line.decode().split()[-1].rpartition("/listen/")[0]
                server = Serving(url, process.pid)
                while (await server.get("/readyz"))[0] != 200:
                    await asyncio.sleep(0.2)
            yield server
        finally:
            await end(process, END_S)


class Speaking:
    """Speaks a file into a stream repeatedly, in a process of its own, until left."""

    def __init__(self, url: str, stream: str, language: str, file: Path) -> None:
        self._command: Sequence[str] = [
            *(sys.executable, "-m", "tools.speak", "--url", url, "--stream", stream),
            *("--language", language, "--loop", str(file)),
        ]

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdout=asyncio.subprocess.DEVNULL
        )
        return self

    async def __aexit__(self, *exception: object) -> None:
        await end(self._process, END_S)
