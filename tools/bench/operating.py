"""What the operator's page costs the server with 500 listeners, and how soon it shows things."""

import asyncio
import contextlib
import os
import secrets
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp

from server.client.participants import Listener, Refused
from server.http.access import Access
from tools.bench.serving import Serving, serving
from tools.figures import Figure

LISTENERS = 500
STREAM = "bench"
#: What an operator must see, it must see within this time.
SOON_S = 1.0
SEEN_S = 10.0


async def run(quick: bool) -> list[Figure]:
    """Measure both."""
    measured_s = 10.0 if quick else 60.0
    secret = secrets.token_hex(32)
    with tempfile.NamedTemporaryFile("w", suffix=".secret") as file:
        file.write(secret)
        file.flush()
        token = Access(secret.encode()).issue(operate=True, valid_s=3600)
        options = ("--secret-file", file.name, "--max-listeners", str(LISTENERS + 10))
        async with serving(*options, "--max-sessions-per-address", "1000") as server:
            async with _listening(server.url):
                alone = await _cpu_share(server, measured_s)
                async with _watching(server.url, token) as seen:
                    watched = await _cpu_share(server, measured_s)
                    times = await _seen_s(server, seen)
    return [
        Figure("pages.operate_cpu", watched - alone, "cores", bound=0.02),
        *(Figure(f"pages.{name}_seen", each, "s", bound=SOON_S) for name, each in times.items()),
    ]


@contextlib.asynccontextmanager
async def _listening(url: str) -> AsyncIterator[None]:
    """Listeners who read captions, as their page does before Listen is pressed."""
    async with AsyncExitStack() as stack:
        for _ in range(LISTENERS):
            listener = Listener(url, STREAM, audio="none", captions=["en"])
            await stack.enter_async_context(listener)
        yield


async def _cpu_share(server: Serving, seconds: float) -> float:
    """The cores that the media process uses while a listener joins and leaves every second."""
    before, since_s = _cpu_s(server.pid), time.monotonic()
    while time.monotonic() - since_s < seconds:
        async with Listener(server.url, STREAM, audio="none"):
            await asyncio.sleep(0.5)
        await asyncio.sleep(0.5)
    return (_cpu_s(server.pid) - before) / (time.monotonic() - since_s)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class _Seen:
    """What the operator has been told, as text."""

    def __init__(self) -> None:
        self.text = ""

    async def read(self, response: aiohttp.ClientResponse) -> None:
        async for line in response.content:
            self.text += line.decode()

    async def after(self, text: str, since_s: float) -> float | None:
        """Seconds from ``since_s`` until ``text`` came; None if it did not."""
        while text not in self.text:
            if time.monotonic() - since_s > SEEN_S:
                return None
            await asyncio.sleep(0.005)
        return time.monotonic() - since_s


@contextlib.asynccontextmanager
async def _watching(url: str, token: str) -> AsyncIterator[_Seen]:
    seen = _Seen()
    headers = {"Authorization": f"Bearer {token}"}
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        http.get(f"{url}/api/operate/events", headers=headers) as response,
        asyncio.TaskGroup() as group,
    ):
        response.raise_for_status()
        task = group.create_task(seen.read(response), name="operator")
        yield seen
        task.cancel()


async def _seen_s(server: Serving, seen: _Seen) -> dict[str, float | None]:
    """How long the operator waits to see each thing that happens."""
    times = {}
    since_s = time.monotonic()
    async with Listener(server.url, "joined-now", audio="none"):
        times["join"] = await seen.after('"joined-now":', since_s)
    since_s = time.monotonic()
    with contextlib.suppress(Refused):
        async with Listener(server.url, "refused-now", audio="none", token="wrong"):
            pass
    times["refusal"] = await seen.after('"stream":"refused-now"', since_s)
    since_s = time.monotonic()
    os.kill(server.interpreter_pid(), signal.SIGKILL)
    times["dead_interpreter"] = await seen.after('"kind":"lost"', since_s)
    return times
