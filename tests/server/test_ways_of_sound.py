"""The connections and ports for sound between a running server and its participants."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest

from server.app import Server
from server.client.participants import Listener
from signaling import messages as wire
from tests.helpers.running import STAND_IN, tolk
from tests.helpers.waiting import until
from tests.helpers.webrtc import Client


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with tolk(tmp_path, STAND_IN) as running:
        yield running


async def test_after_a_new_offer_the_listener_hears_by_the_new_connection(server: Server) -> None:
    """As after a change of networks. aiortc itself would keep the old credentials."""
    usernames = set[str]()
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.url + "/ws/listen/hall") as socket,
    ):
        await socket.send_str('{"type": "join"}')
        for _ in range(2):
            client = Client("recvonly")
            await socket.send_json({"type": "offer", "sdp": await client.offer()})
            async with asyncio.timeout(10):
                while (answer := await socket.receive_json())["type"] != "answer":
                    assert answer["type"] != "error"
                await client.take(answer["sdp"])
                await client.transceiver.receiver.track.recv()
            usernames.update(re.findall(r"a=ice-ufrag:(\S+)", answer["sdp"]))
            await client.vanish()
            await client.close()
    assert len(usernames) == 2


async def offered_ports(server: Server, count: int) -> list[str]:
    """The UDP ports that ``count`` listeners are told to send to."""
    client, ports = Client("recvonly"), list[str]()
    offer = msgspec.json.encode(wire.Offer(sdp=await client.offer())).decode()
    async with aiohttp.ClientSession() as session:
        for _ in range(count):
            async with session.ws_connect(server.url + "/ws/listen/hall") as socket:
                await socket.send_str('{"type": "join"}')
                await socket.send_str(offer)
                async with asyncio.timeout(5):
                    while (answer := await socket.receive_json())["type"] != "answer":
                        pass
                ports += re.findall(r"a=candidate:\S+ 1 udp \d+ \S+ (\d+)", answer["sdp"])
    await client.close()
    return ports


async def test_the_sound_of_all_participants_uses_one_port(server: Server) -> None:
    ports = await offered_ports(server, 3)
    assert len(ports) == 3 and len(set(ports)) == 1


async def test_each_listener_may_have_a_port_of_its_own(tmp_path: Path) -> None:
    async with tolk(tmp_path, STAND_IN, ready=False, media_port=0) as server:
        assert len(set(await offered_ports(server, 3))) == 3
        async with Listener(server.url, "hall", "floor") as listener:
            await until(lambda: len(listener.arrivals) > 0)
