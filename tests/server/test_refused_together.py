"""Offers that waited for a place and are refused at the same moment."""

import asyncio
from collections import Counter

import pytest

from server.media import places
from server.media.places import PLACES
from server.media.plane import MediaPlane
from server.streams.sound_path import SoundPath
from signaling.errors import ProtocolError
from signaling.messages import Offer
from signaling.protocol import SPEAKER
from signaling.whip import HttpTransport
from tests.helpers.webrtc import Client

WAITING = 200
ADDRESS = "192.0.2.1"


async def test_they_end_one_by_one_and_the_loop_does_everything_else_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plane, client = MediaPlane(), Client("sendonly")
    offer = Offer(sdp=await client.offer())
    await client.close()
    for _ in range(PLACES):
        await plane.places.enter(ADDRESS)
    monkeypatch.setattr(places, "WAIT_S", 0.2)
    ended, rounds = Counter[int](), 0

    async def wait(group: asyncio.TaskGroup) -> None:
        transport = HttpTransport(SPEAKER, {"language": "nl"}, offer.sdp)
        sound = SoundPath(group, transport, plane, ADDRESS)
        with pytest.raises(ProtocolError, match="Come back later"):
            await sound.offer(offer, hear=lambda sound: None)
        ended[rounds] += 1

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for number in range(WAITING):
            group.create_task(wait(group), name=f"waiting-{number}")
        while ended.total() < WAITING:
            await asyncio.sleep(0)
            rounds += 1
    assert max(ended.values()) <= 2
