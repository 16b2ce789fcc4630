"""Starts a server as its users start it, and reads its metrics."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO, Any, Self

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from server.http.access import Access, load_secret
from server.process import end

READY_S = 180.0
END_S = 6.0


class Serving:
    """A running server. ``url``: its address; ``pid``: of its media process; ``state``: its
    folder."""

    def __init__(self, url: str, pid: int, state: Path) -> None:
        self.url = url
        self.pid = pid
        self.state = state

    def token(self, **grants: Any) -> str:
        """A token of this server's for a day; see ``Access.issue``."""
        return Access(load_secret("", self.state)).issue(valid_s=86_400, **grants)

    async def get(self, path: str) -> tuple[int, str]:
        """GET a path of the server; returns status and body."""
        async with aiohttp.ClientSession() as http, http.get(self.url + path) as response:
            return response.status, await response.text()

    async def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels. Raises KeyError where there is none."""
        _, text = await self.get("/metrics")
        values = [
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        if not values:
            raise KeyError(name)
        return sum(values)

    def interpreter_pid(self) -> int:
        """The process id of its interpreter; a spare one is younger. Raises LookupError if there
        is none."""
        for pid in self.children("worker"):
            return pid
        raise LookupError("the server has no interpreter process")

    def children(self, kind: str) -> list[int]:
        """The process ids of its interpreters ("worker") or further media processes ("media"), the
        oldest first."""
        found: list[tuple[int, int]] = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                stat = (process / "stat").read_text().rpartition(")")[2].split()
                words = (process / "cmdline").read_bytes().split(b"\0")
                if int(stat[1]) == self.pid and kind.encode() in words:
                    found.append((int(stat[19]), int(process.name)))
        return [pid for _, pid in sorted(found)]


@contextlib.asynccontextmanager
async def serving(
    *options: str, log: IO[bytes] | None = None, on: Sequence[str] = (), command: str = "serve"
) -> AsyncIterator[Serving]:
    """A server that is ready, on a free port of loopback. It is stopped on leaving. ``log``: the
    file for its log; by default it writes to our standard error. ``on``: what is put before its
    command. ``command``: "edge" for an edge."""
    with tempfile.TemporaryDirectory() as state:
        process = await asyncio.create_subprocess_exec(
            *(*on, sys.executable, "-m", "server", command, "--port", "0", "--state", state),
            *("--fetch", "never", *options),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
        try:
            assert process.stdout is not None
            async with asyncio.timeout(READY_S):
                while b"/listen/" not in (line := await process.stdout.readline()):
                    if not line:
                        raise RuntimeError("the server ended before it was listening")
                url = line.decode().split()[-1].rpartition("/listen/")[0]
                server = Serving(url, process.pid, Path(state))
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

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    async def __aexit__(self, *exception: object) -> None:
        await end(self._process, END_S)
