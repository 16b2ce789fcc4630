"""A server and interpreters in processes of their own, joined by a real NATS server, with the
shipped models. The tests of this file are phases of one event."""

import asyncio
import logging
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from server.app import Server
from server.client.participants import Listener, Speaker
from server.cluster.pool import Pool
from server.demo import clip
from server.media.opus import RATE_HZ
from signaling import messages as wire
from tests.helpers.nats import NatsProcess, nats_server
from tests.helpers.running import loudness, tolk
from tests.helpers.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

READY_S = 60.0
USER, PASSWORD = "tolk", "secret-one"


@asynccontextmanager
async def interpreter(bus: str, secret: Path, state: Path) -> AsyncIterator[Process]:
    """Run ``tolk interpreter``."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "interpreter"),
        *("--bus", bus, "--bus-credentials", str(secret)),
        *("--models", "starter", "--spare", "never", "--state", str(state)),
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(15):
            await process.wait()


@dataclass
class Event:
    """A server without an interpreter of its own, a machine that interprets, and a listener."""

    server: Server
    nats: NatsProcess
    first: Process
    start: AsyncExitStack
    secret: Path
    speaker: Speaker
    listener: Listener
    second: Process | None = None

    def finals(self, language: str) -> list[str]:
        return [
            caption.text
            for _, caption in self.listener.captions
            if (caption.language, caption.status) == (language, "final")
        ]

    async def say_until_interpreted(self, deadline_s: float = 40) -> None:
        """Speak until there is a further sentence in both languages."""
        before = len(self.finals("nl")), len(self.finals("en"))
        async with asyncio.timeout(deadline_s), asyncio.TaskGroup() as group:
            speaking = group.create_task(self._say(), name="speaking")
            await until(
                lambda: len(self.finals("nl")) > before[0] and len(self.finals("en")) > before[1],
                deadline_s,
            )
            speaking.cancel()

    async def _say(self) -> None:
        while True:
            await self.speaker.play(clip("nl")[: 8 * RATE_HZ])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def event(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Event]:
    folder = tmp_path_factory.mktemp("event")
    secret = folder / "bus-credentials"
    secret.write_text(f"{USER}:{PASSWORD}")
    secret.chmod(0o600)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        given = {"user": USER, "password": PASSWORD}
        nats = stack.enter_context(nats_server(folder, authorization=given))
        first = await enter(interpreter(nats.server.url, secret, folder))
        server = await enter(
            tolk(
                *(folder,),
                ready=False,
                bus=nats.server.url,
                bus_credentials=str(secret),
                roles=["hub", "edge"],
            )
        )
        await until(lambda: server.interpreters.ready, READY_S)
        listener = await enter(
            Listener(server.url, "hall", "en", captions=["nl", "en"], keep_sound=True)
        )
        speaker = await enter(Speaker(server.url, "hall", "nl"))
        yield Event(server, nats, first, stack, secret, speaker, listener)


async def test_a_stream_is_interpreted_on_another_machine(event: Event) -> None:
    live = wire.ChannelState(channel="en", status="live")
    await event.listener.expect(wire.ChannelState, lambda told: told == live)
    await event.say_until_interpreted()
    assert event.server.supervisor.pid is None
    await until(lambda: len(event.listener.arrivals.payloads) > 50)
    assert loudness(event.listener.arrivals.sound()) > 500


async def test_it_goes_on_after_nats_was_killed(event: Event) -> None:
    event.nats.kill()
    await until(lambda: not event.server.interpreters.ready)
    async with aiohttp.ClientSession(event.server.url) as http:
        async with http.get("/readyz") as response:
            assert response.status == 503 and "NATS cannot be reached" in await response.text()
        async with http.get("/metrics") as response:
            assert {"tolk_bus_up 0.0", "tolk_machines 0.0"} <= {
                *(await response.text()).splitlines()
            }
    event.nats.start()
    await until(lambda: event.server.interpreters.ready, 10)
    await event.say_until_interpreted()


def served(pool: Pool, name: str) -> bool:
    """Whether the machine interprets the stream."""
    return any(machine.name == name and streams for machine, streams in pool.machines())


async def test_streams_leave_a_machine_that_is_drained_at_a_pause_and_nothing_is_lost(
    event: Event,
) -> None:
    folder = event.secret.parent
    second = interpreter(event.nats.server.url, event.secret, folder)
    event.second = await event.start.enter_async_context(second)
    pool = event.server.interpreters
    assert isinstance(pool, Pool)
    await until(lambda: len(pool.names) == 2, READY_S)
    (first,) = (machine.name for machine, streams in pool.machines() if streams)
    (other,) = {*pool.names} - {first}
    lost, since = pool.restarts, len(event.listener.received)
    for leaves, gets in ((first, other), (other, first)):
        assert pool.drain(leaves, True)
        await event.speaker.play(clip("nl")[: 8 * RATE_HZ])
        await until(partial(served, pool, gets), 20)
        await event.say_until_interpreted()
        assert pool.drain(leaves, False)
    told = [each.message for each in event.listener.received[since:]]
    states = [each for each in told if isinstance(each, wire.ChannelState)]
    assert not [each for each in states if each.reason == "restarting"]  # nobody noticed
    assert pool.restarts == lost


async def test_another_machine_takes_over_from_one_that_is_killed(event: Event) -> None:
    pool = event.server.interpreters
    assert isinstance(pool, Pool)
    lost = pool.restarts
    event.first.send_signal(signal.SIGKILL)
    await until(lambda: pool.restarts == lost + 1 and pool.ready, 5)
    await event.say_until_interpreted()


async def test_a_machine_that_is_stopped_says_so(
    event: Event, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert event.second is not None and event.server.interpreters.ready
    event.second.terminate()
    await until(lambda: not event.server.interpreters.ready, 1)
    async with asyncio.timeout(15):
        assert await event.second.wait() == 0
    assert "is leaving" in caplog.text
    assert PASSWORD not in caplog.text
