"""Participants that join by WHIP and WHEP: aiortc's own RTCPeerConnection, over HTTP."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiortc import MediaStreamTrack
from multidict import CIMultiDictProxy

from tests.helpers.waiting import until
from tests.helpers.webrtc import Client

SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}


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
