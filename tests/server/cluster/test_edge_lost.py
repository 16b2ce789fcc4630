"""A hub and an edge as processes of their own, one of which is lost, or NATS. The hub has no
interpreter: listeners hear the floor. The tests of this file are phases of one event."""

import asyncio
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from server.client.participants import Listener, Speaker
from signaling import messages as wire
from tests.helpers.nats import NatsProcess, nats_server
from tests.helpers.running import SILENT_BYTES, tone

pytestmark = pytest.mark.asyncio(loop_scope="module")

READY_S = 60.0
PATIENCE_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def machine(folder: Path, *words: str) -> AsyncIterator[Process]:
    """Run a command of ``tolk`` until it says where it listens."""
    given = ("--fetch", "never", "--spare", "never", "--models", "starter")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", *words, *given, "--state", str(folder)), stdout=PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(READY_S):
            while b"Listen:" not in await process.stdout.readline():
                pass
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(READY_S):
            await process.wait()


@dataclass
class Event:
    """``listener``: at the edge, all the time."""

    nats: NatsProcess
    folder: Path
    hub_port: int
    edge_url: str
    listener: Listener

    @property
    def hub_url(self) -> str:
        return f"http://127.0.0.1:{self.hub_port}"

    def hub(self) -> AbstractAsyncContextManager[Process]:
        given = ("--port", str(self.hub_port), "--bus", self.nats.server.url)
        return machine(self.folder, "serve", *given, "--roles", "hub,edge")

    async def speak_until_heard(self, speaker: Speaker) -> float:
        """Speak until the listener hears it. Returns how long that took, in seconds."""
        heard, begun_s = len(self.loud), asyncio.get_running_loop().time()
        async with asyncio.timeout(PATIENCE_S):
            while len(self.loud) - heard < 10:
                await speaker.play(tone(300, 0.2, 0))
        return asyncio.get_running_loop().time() - begun_s

    @property
    def loud(self) -> list[bytes]:
        return [data for _, data in self.listener.arrivals.payloads if len(data) > SILENT_BYTES]

    @property
    def stayed(self) -> bool:
        """Whether the listener did not have to connect again."""
        return not self.listener.closed and (
            self.listener.connection.connectionState == "connected"
        )

    async def told(self, state: str, since: int) -> None:
        await self.listener.expect(
            wire.State, lambda told: told.state == state, since=since, within_s=PATIENCE_S
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def event(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Event]:
    folder, port = tmp_path_factory.mktemp("event"), free_port()
    with nats_server(folder) as nats:
        edge = ("edge", "--port", str(port), "--bus", nats.server.url)
        url = f"http://127.0.0.1:{port}"
        async with (
            machine(folder, *edge),
            Listener(url, "hall", "floor", keep_sound=True) as listener,
        ):
            yield Event(nats, folder, free_port(), url, listener)


async def test_a_listener_hears_again_after_the_hub_was_killed(event: Event) -> None:
    async with event.hub() as hub:
        async with Speaker(event.hub_url, "hall", "nl") as speaker:
            await event.speak_until_heard(speaker)
            since = len(event.listener.received)
            hub.send_signal(signal.SIGKILL)
            await event.told("waiting", since)
        since = len(event.listener.received)
    async with event.hub(), Speaker(event.hub_url, "hall", "nl") as speaker:
        await event.speak_until_heard(speaker)
        await event.told("live", since)
        assert (
            not event.listener.closed and event.listener.connection.connectionState == "connected"
        )


async def test_a_listener_hears_again_after_nats_was_killed(event: Event) -> None:
    async with event.hub(), Speaker(event.hub_url, "hall", "nl") as speaker:
        await event.speak_until_heard(speaker)
        since = len(event.listener.received)
        event.nats.kill()
        await event.told("waiting", since)
        async with aiohttp.ClientSession(event.edge_url) as http, http.get("/readyz") as response:
            assert response.status == 503 and "NATS" in await response.text()
        event.nats.start()
        await event.speak_until_heard(speaker)
        await event.told("live", since)
        assert (
            not event.listener.closed and event.listener.connection.connectionState == "connected"
        )
