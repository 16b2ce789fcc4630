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


async def refused(offer: str, channel: Broadcast) -> ProtocolError:
    """Why a listener's offer is not taken."""
    async with asyncio.TaskGroup() as group:
        sound = SoundPath(group, cast(Any, None), MediaPlane(), "here")
        with pytest.raises(ProtocolError) as error:
            await sound.offer(Offer(sdp=offer), send=lambda: SubscriberTrack(channel))
    return error.value


async def test_a_refused_offer_leaves_no_subscription() -> None:
    channel = Broadcast()
    assert (await refused("nonsense", channel)).code == "bad_sdp"
    assert channel.listeners == 0


async def test_a_listener_without_a_place_leaves_no_subscription(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "PLACES", 0)
    monkeypatch.setattr(places, "WAIT_S", 0.05)
    channel, client = Broadcast(), Client("recvonly")
    assert (await refused(await client.offer(), channel)).code == "limit"
    assert channel.listeners == 0
    await client.close()
