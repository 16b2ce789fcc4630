"""Participants that join by WHIP and WHEP: aiortc's own RTCPeerConnection, over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import aiohttp
from aiortc import MediaStreamTrack
from av import Packet
from multidict import CIMultiDictProxy

from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, TICK_S, OpusEncoder
from tests.helpers.running import tone
from tests.helpers.waiting import until
from tests.helpers.webrtc import Client

SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}


class Words(MediaStreamTrack):
    """Words of the stand-in, one every 1.2 s, without end."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._tick = 0
        self._start_s = 0.0

    async def recv(self) -> "Packet[Any]":
        now_s = asyncio.get_running_loop().time()
        self._start_s = self._start_s or now_s
        await asyncio.sleep(self._start_s + self._tick * TICK_S - now_s)
        packet = Packet(word()[self._tick % len(word())])
        packet.pts, packet.time_base = self._tick * SAMPLES_PER_TICK, Fraction(1, RATE_HZ)
        self._tick += 1
        return packet


@cache
def word() -> list[bytes]:
    """The packets of a word and the pause after it."""
    encoder = OpusEncoder()
    return [encoder.encode(pcm) for pcm in tone(300).reshape(-1, SAMPLES_PER_TICK)]


@dataclass
class Joined:
    """A session, its ``path`` at the server, the response that created it, and the client."""

    path: str
    headers: CIMultiDictProxy[str]
    answer: str
    client: Client


async def posted(
    http: aiohttp.ClientSession, path: str, sdp: str, headers: Mapping[str, str] = SDP
) -> tuple[int, dict[str, object], CIMultiDictProxy[str]]:
    """POST what is to be refused: the status, the problem and the headers of the response."""
    async with http.post(path, data=sdp, headers=headers) as response:
        assert response.content_type == "application/problem+json", await response.text()
        return response.status, await response.json(content_type=None), response.headers


@asynccontextmanager
async def joined(
    http: aiohttp.ClientSession,
    path: str,
    track: MediaStreamTrack | None = None,
    headers: Mapping[str, str] = {},
) -> AsyncIterator[Joined]:
    """A participant that speaks if it has a ``track``, else listens. It leaves with a goodbye."""
    client = Client("sendonly" if track else "recvonly", track)
    try:
        async with http.post(path, data=await client.offer(), headers={**SDP, **headers}) as reply:
            answer = await reply.text()
            assert reply.status == 201, answer
        await client.take(answer)
        await until(lambda: client.connection.connectionState == "connected")
        yield Joined(reply.headers["Location"], reply.headers, answer, client)
    finally:
        await client.close()
