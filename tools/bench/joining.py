"""Listeners that join a real server, and again later if the server asks them to: as pages do,
through its WebSocket, or by WHEP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import aiohttp
from aiortc import RTCPeerConnection, RTCSessionDescription

from tools.bench.load import Negotiate, made_light


class _Busy(Exception):
    def __init__(self, retry_after_s: float) -> None:
        super().__init__(retry_after_s)
        self.retry_after_s = retry_after_s


@asynccontextmanager
async def joining(url: str, stream: str, channel: str = "floor") -> AsyncIterator[Negotiate]:
    """Yields a function that lets a connection join. Its sockets stay open until the body ends."""

    async def negotiate(connection: RTCPeerConnection) -> None:
        made_light(connection.addTransceiver("audio", direction="recvonly"), "127.0.0.1")
        await connection.setLocalDescription(await connection.createOffer())
        while True:
            socket = await http.ws_connect(f"{url}/ws/listen/{stream}")
            try:
                answer = await _answer(socket, channel, connection.localDescription.sdp)
            except _Busy as busy:
                await socket.close()
                await asyncio.sleep(busy.retry_after_s)
            else:
                break
        reading.append(group.create_task(_read(socket), name="read-socket"))
        await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    reading: list[asyncio.Task[None]] = []
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http, asyncio.TaskGroup() as group:
        yield negotiate
        for task in reading:
            task.cancel()


@asynccontextmanager
async def joining_by_whep(
    url: str, stream: str, channel: str = "floor"
) -> AsyncIterator[Negotiate]:
    """Yields a function that lets a connection join by WHEP. All leave when the body ends."""
    language, _, floor = channel.partition("+")
    wanted = {} if language == "floor" else {"language": language}
    wanted |= {"floor": "1"} if floor else {}

    async def negotiate(connection: RTCPeerConnection) -> None:
        made_light(connection.addTransceiver("audio", direction="recvonly"), "127.0.0.1")
        await connection.setLocalDescription(await connection.createOffer())
        while True:
            try:
                answer = await post(connection.localDescription.sdp)
            except _Busy as busy:
                await asyncio.sleep(busy.retry_after_s)
            else:
                break
        await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def post(offer: str) -> str:
        headers = {"Content-Type": "application/sdp"}
        async with http.post(
            f"/whep/{stream}", params=wanted, data=offer, headers=headers
        ) as response:
            answer = await response.text()
            if response.status == HTTPStatus.CREATED:
                sessions.append(response.headers["Location"])
                return answer
            if "Retry-After" in response.headers:
                raise _Busy(float(response.headers["Retry-After"]))
            raise ConnectionError(answer)

    async def leave(session: str) -> None:
        async with http.delete(session):
            pass

    sessions: list[str] = []
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, connector=connector) as http:
        yield negotiate
        async with asyncio.TaskGroup() as group:
            for session in sessions:
                group.create_task(leave(session), name="leave")


async def _answer(socket: aiohttp.ClientWebSocketResponse, channel: str, offer: str) -> str:
    await socket.send_json({"type": "join", "channel": channel})
    await _next(socket, "joined")
    await socket.send_json({"type": "offer", "sdp": offer})
    return str((await _next(socket, "answer"))["sdp"])


async def _next(socket: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """The next message of this type. Raises _Busy, or ConnectionError on any other refusal."""
    async for frame in socket:
        message: dict[str, Any] = frame.json()
        if message["type"] == kind:
            return message
        if message["type"] == "error":
            if message["code"] == "limit" and "retry_after_s" in message:
                raise _Busy(message["retry_after_s"])
            raise ConnectionError(message["message"])
    raise ConnectionError("the server closed the socket of one who joined")


async def _read(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Read and ignore messages, which keeps the socket alive."""
    async for _ in socket:
        pass
