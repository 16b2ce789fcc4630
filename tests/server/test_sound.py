import asyncio
from typing import Any, cast

import pytest

from server.media import places
from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.plane import MediaPlane
from server.streams.sound_path import SoundPath
from signaling.errors import ProtocolError
from signaling.messages import Offer
from tests.helpers.webrtc import Client


async def test_a_listener_without_a_place_leaves_no_subscription(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "PLACES", 0)
    monkeypatch.setattr(places, "WAIT_S", 0.05)
    channel, client = Broadcast(), Client("recvonly")
    offer = Offer(sdp=await client.offer())
    async with asyncio.TaskGroup() as group:
        sound = SoundPath(group, cast(Any, None), MediaPlane(), "here")
        with pytest.raises(ProtocolError) as error:
            await sound.offer(offer, send=lambda: SubscriberTrack(channel))
    assert error.value.code == "limit"
    assert channel.listeners == 0
    await client.close()
