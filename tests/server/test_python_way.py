"""Runs the examples of docs/python.md."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiortc import RTCPeerConnection

from server.app import Server
from server.media.opus import RATE_HZ, Pcm, joined, mono
from server.media.transport import agent_of, use_hosts
from server.streams.registry import Stream
from signaling import messages as wire
from signaling.errors import ProtocolError
from tests.helpers.running import STAND_IN, power, tolk, tone
from tests.helpers.waiting import until
from tests.helpers.webrtc import Client

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf8")
TICK = RATE_HZ // 50
#: The stand-in's voice says "low" at this pitch.
LOW_HZ = 700


@pytest.fixture
def examples(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page's Python blocks define. Connections stay on loopback."""
    add = RTCPeerConnection.addTransceiver

    def add_on_loopback(*args: Any, **kwargs: Any) -> Any:
        transceiver = add(*args, **kwargs)
        use_hosts(agent_of(transceiver), ["127.0.0.1"])
        return transceiver

    monkeypatch.setattr(RTCPeerConnection, "addTransceiver", add_on_loopback)
    namespace: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S):
        exec(block, namespace)
    return namespace


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with tolk(tmp_path, STAND_IN) as running:
        yield running


async def microphone() -> AsyncIterator[Pcm]:
    """A low tone again and again, which the stand-in hears as the word "laag"; in real time."""
    clock = asyncio.get_running_loop().time
    start_s = clock()
    word = tone(440)
    for tick in range(50 * 60):
        await asyncio.sleep(max(0.0, start_s + tick / 50 - clock()))
        yield np.take(word, range(tick * TICK, (tick + 1) * TICK), mode="wrap")


async def hears(client: Client, frequency_hz: float) -> None:
    """Wait until the client hears a tone."""
    track = client.transceiver.receiver.track
    pieces: list[Pcm] = []
    async with asyncio.timeout(30):
        while True:
            frame: Any = await track.recv()
            pieces = [*pieces[-9:], mono(frame)]
            pcm = joined(pieces)
            if np.abs(pcm).max() > 500 and power(pcm, frequency_hz) > 0.5:
                return


def is_live(stream: Stream) -> bool:
    return stream.state == "live"


async def test_a_program_speaks_and_its_connection_hears_the_interpretation(
    examples: dict[str, Any], server: Server
) -> None:
    told: list[object] = []
    client = Client("recvonly")
    speaking = asyncio.create_task(examples["speak"](server, "hall", "nl", microphone()))
    offer = await client.offer()
    async with examples["listening"](
        server, "hall", "en", offer, told.append, ["en"]
    ) as connection:
        await client.take(connection.localDescription.sdp)
        await hears(client, LOW_HZ)
        await until(lambda: any(isinstance(each, wire.Caption) for each in told))
        (stream,) = server.manager.streams.values()
        assert len(stream.listeners) == 1 and is_live(stream)
    assert not stream.listeners
    speaking.cancel()
    await asyncio.wait([speaking])
    assert stream.speaker is None and not is_live(stream)
    await client.close()


async def test_who_is_replaced_stops_speaking(examples: dict[str, Any], server: Server) -> None:
    speaking = asyncio.create_task(examples["speak"](server, "hall", "nl", microphone()))
    await until(lambda: "hall" in server.manager.streams)
    with pytest.raises(ProtocolError, match="speaks in 'hall' already"):
        await examples["speak"](server, "hall", "nl", microphone())
    server.manager.join_speaker("hall", "x", "nl", lambda error: None, resume=None, take_over=True)
    await until(speaking.done)
    assert speaking.cancelled()
