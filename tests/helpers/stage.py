"""A server with one WebSocket, for tests of the conversation over it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import ClientWebSocketResponse, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer
from pytest_aiohttp.plugin import AiohttpClient

from signaling.messages import SpeakerMessage
from signaling.protocol import SPEAKER
from signaling.websocket import Connection, accept

JOIN = {"type": "join", "language": "nl", "audio": "socket"}
Client = TestClient[web.Request, None]
Session = Callable[[Connection[SpeakerMessage]], Awaitable[None]]


class Stage:
    """A server that runs ``session`` for each participant, and keeps the results."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.app = web.Application()
        self.app.router.add_get("/ws", self.handle)
        self.connections: asyncio.Queue[Connection[SpeakerMessage]] = asyncio.Queue()
        self.transport: asyncio.Transport | None = None
        self.ended = asyncio.Event()
        self.bug: Exception | None = None
        self.turns = 0

    async def turn(self) -> None:
        self.turns += 1

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.transport = request.transport
        try:
            async with accept(
                request, role=SPEAKER, allowed_origins=["https://ok.org"], turn=self.turn
            ) as conn:
                self.connections.put_nowait(conn)
                await self.session(conn)
            return conn.response
        except ZeroDivisionError as error:
            self.bug = error
            raise
        finally:
            self.ended.set()

    async def wait_ended(self) -> None:
        async with asyncio.timeout(10):
            await self.ended.wait()


class Server(TestServer):
    """Like the real server, it does not cancel the handler of a participant that is gone."""

    async def _make_runner(self, **options: object) -> web.AppRunner:
        return web.AppRunner(self.app, handler_cancellation=False)


async def until_gone(connection: Connection[SpeakerMessage]) -> None:
    while await connection.receive() is not None:
        pass


async def closing(client: ClientWebSocketResponse) -> tuple[list[dict[str, object]], int | None]:
    """The messages received until the socket is closed, and the close code."""
    said = []
    async with asyncio.timeout(5):
        async for frame in client:
            if frame.type is WSMsgType.TEXT:
                said.append(frame.json())
    return said, client.close_code


async def connected(
    aiohttp_client: AiohttpClient, session: Session, *, autoping: bool = True
) -> tuple[Stage, ClientWebSocketResponse]:
    stage = Stage(session)
    client: Client = await aiohttp_client(Server(stage.app))
    return stage, await client.ws_connect("/ws", autoping=autoping)


@asynccontextmanager
async def raw_client(stage: Stage) -> AsyncIterator[socket.socket]:
    """A participant with a small receive buffer: if it does not read, the server cannot send."""
    async with Server(stage.app) as server:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, ("127.0.0.1", server.port))
            await loop.sock_sendall(
                client,
                b"GET /ws HTTP/1.1\r\nHost: localhost\r\n"
                b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            )
            yield client
