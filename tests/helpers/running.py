"""A real server on loopback, with a real interpreter process, for the length of a test."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from server import app
from server.config import Config

READY_S = 30.0


@asynccontextmanager
async def tolk(state: Path, *, ready: bool = True, **settings: object) -> AsyncIterator[app.Server]:
    """A server on a free port; by default once its models are loaded."""
    config = msgspec.structs.replace(Config(port=0, state=str(state)), **settings)
    async with app.running(config) as server:
        if ready:
            await until(lambda: server.supervisor.ready, READY_S)
        yield server


async def until(condition: Callable[[], bool], deadline_s: float = 10.0) -> None:
    """Wait until ``condition()`` holds. Raises TimeoutError."""
    async with asyncio.timeout(deadline_s):
        while not condition():
            await asyncio.sleep(0.01)
