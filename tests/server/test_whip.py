"""Speakers and listeners that join by WHIP and WHEP are sessions like all others."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import numpy as np
import pytest
import pytest_asyncio

from server.app import Server
from server.client.participants import Listener, Refused, Speaker
from server.media.opus import Pcm
from server.streams import registry
from signaling import messages as wire
from tests.helpers.running import STAND_IN, final, power, tolk, tone
from tests.helpers.waiting import until
from tests.helpers.webrtc import Client, ScriptedTrack
from tests.helpers.whip import FRAGMENT, SDP, joined, posted

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOW = tone(300)
SPOKEN_LOW_HZ = 700


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with tolk(tmp_path_factory.mktemp("state"), STAND_IN) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(server: Server) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.url) as session:
        yield session


def spoken(words: int = 20) -> ScriptedTrack:
    return ScriptedTrack(np.tile(LOW, words))


async def test_a_publisher_is_interpreted_for_listeners_on_a_page(
    server: Server, http: aiohttp.ClientSession
) -> None:
    async with Listener(server.url, "a", "en", captions=["en", "nl"]) as listener:
        async with joined(http, "/whip/a?language=nl", spoken()) as publisher:
            await listener.expect(wire.Caption, final("nl", "laag"))
            await listener.expect(wire.Caption, final("en", "low"))
            assert publisher.headers["Content-Type"] == "application/sdp"
