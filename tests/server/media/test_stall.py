"""A speaker whose network stalls and then delivers everything at once, over real connections."""

import asyncio
import re

import numpy as np
import pytest

from server.media.opus import RATE_HZ
from server.media.peer import answer
from server.media.plane import MediaPlane
from tests.helpers.webrtc import Client, ScriptedTrack, pitch_hz, tone
from tools.impair import Network, Relay

#: A participant that is silent for some 14 s is gone, see ``consent``.
STALLS_S = (2.0, 3.5, 5.0, 8.0, 12.0)
BEFORE_S = 1.0
BEFORE_HZ, AFTER_HZ = 440, 880


async def heard_after(stall_s: float) -> tuple[float, float]:
    """How long after a stall its speaker is heard again, and is heard with what is said then, in
    seconds."""
    loop = asyncio.get_running_loop()
    said = (tone(BEFORE_HZ, BEFORE_S + stall_s), tone(AFTER_HZ, 6.0))
    client = Client("sendonly", ScriptedTrack(np.concatenate(said)))
    peer = await answer(await client.offer(), MediaPlane(), receive=True)
    port = int(re.findall(r"a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+)", peer.sdp)[0])
    try:
        with Relay(("127.0.0.1", port), Network(), Network()) as relay:
            await client.take(peer.sdp.replace(f" {port} typ", f" {relay.address[1]} typ"))
            await peer.connected()
            sounds = peer.sounds()
            await anext(sounds)
            end_s = loop.time() + BEFORE_S + stall_s
            loop.call_later(BEFORE_S, relay.stall, stall_s)
            again_s = 0.0
            recent = np.zeros(0, np.int16)
            async for sound in sounds:
                recent = np.concatenate((recent, sound.pcm48))[-RATE_HZ // 10 :]
                since_s = loop.time() - end_s
                if since_s < 0 or np.abs(recent).max() < 500:
                    continue
                again_s = again_s or since_s
                if abs(pitch_hz(recent) - AFTER_HZ) < 40:
                    break
            return again_s, loop.time() - end_s
    finally:
        await peer.close()
        await client.close()


@pytest.mark.slow
async def test_a_stalled_speaker_is_heard_within_a_second_of_the_burst() -> None:
    """What was held back is heard first if there is room for it, and faster than it was said."""
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        waits = [group.create_task(heard_after(stall_s)) for stall_s in STALLS_S]
    again_s, live_s = zip(*(wait.result() for wait in waits), strict=True)
    assert max(again_s) <= 1.0, again_s
    assert max(live_s) <= 4.0, live_s
