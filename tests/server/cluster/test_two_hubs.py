"""Two servers and a stream's name, over a real NATS server with JetStream. The tests of this file
are phases of one event."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import pytest_asyncio

from server.app import Server
from server.client.participants import Refused, Speaker
from signaling import messages as wire
from tests.helpers.line import Line, line
from tests.helpers.nats import nats_server
from tests.helpers.running import STAND_IN, models_of_several, tolk
from tests.helpers.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE = "https://hall.example"
PATIENCE_S = 30.0


@dataclass
class Hubs:
    """``cable``: of the first to NATS."""

    first: Server
    second: Server
    cable: Line


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hubs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hubs]:
    folder = tmp_path_factory.mktemp("hubs")
    models = str(models_of_several(folder))
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        nats = stack.enter_context(nats_server(folder, jetstream={"store_dir": str(folder)}))
        cable = await enter(line(nats.server))
        command = [*STAND_IN, "--models", models]
        first = await enter(
            tolk(
                *(folder, command),
                bus=cable.server.url,
                models=models,
                public_url=HERE,
                speak_token="open",
            )
        )
        second = await enter(tolk(folder, command, bus=nats.server.url, models=models))
        yield Hubs(first, second, cable)


def speaker(server: Server, *, take_over: bool = False) -> Speaker:
    token = server.access.issue(speak=True, take_over=True, valid_s=60) if take_over else None
    return Speaker(server.url, "hall", "nl", audio="socket", take_over=take_over, token=token)


def error_of(refused: Refused) -> wire.Error:
    assert refused.error is not None
    return refused.error


async def joins_in_time(server: Server, stack: AsyncExitStack) -> Speaker:
    """A speaker there, once the stream is free."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await stack.enter_async_context(speaker(server))
            except Refused as refused:
                assert error_of(refused).code in ("unavailable", "speaker_present")
                await asyncio.sleep(0.2)


async def refused_at(server: Server, code: str) -> wire.Error:
    """What a speaker there is told. NATS may need a moment."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                async with speaker(server):
                    await asyncio.sleep(0.1)
            except Refused as refused:
                if error_of(refused).code == code:
                    return error_of(refused)
            await asyncio.sleep(0.2)


async def test_who_speaks_elsewhere_is_named(hubs: Hubs) -> None:
    async with speaker(hubs.first):
        error = await refused_at(hubs.second, "speaker_present")
    assert HERE in error.message and "'hall'" in error.message
    assert error.place == HERE


async def test_a_stream_is_free_once_its_speaker_has_left(hubs: Hubs) -> None:
    async with AsyncExitStack() as stack:
        await joins_in_time(hubs.second, stack)
        error = await refused_at(hubs.first, "speaker_present")
        assert error.place is not None and f"at {error.place}. Speak there" in error.message


async def test_who_may_takes_over_from_another_server(hubs: Hubs) -> None:
    async with AsyncExitStack() as stack:
        there = await joins_in_time(hubs.first, stack)
        await refused_at(hubs.second, "speaker_present")
        async with speaker(hubs.second, take_over=True):
            told = await there.expect(wire.Error, any_error=True, within_s=PATIENCE_S)
            assert told.code == "taken_over"
            assert hubs.second.manager.streams["hall"].speaker is not None


async def test_a_server_that_was_cut_off_sends_its_speaker_away(hubs: Hubs) -> None:
    async with AsyncExitStack() as stack:
        there = await joins_in_time(hubs.first, stack)
        await refused_at(hubs.second, "speaker_present")
        hubs.cable.cut = True
        await joins_in_time(hubs.second, stack)
        assert not there.closed
        hubs.cable.cut = False
        told = await there.expect(wire.Error, any_error=True, within_s=PATIENCE_S)
        assert told.code == "taken_over" and "now" in told.message
        await until(lambda: hubs.first.manager.streams["hall"].speaker is None)
        assert hubs.second.manager.streams["hall"].speaker is not None
