import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer
from pytest_aiohttp.plugin import AiohttpClient

from signaling import rates, websocket
from signaling.errors import ProtocolError
from signaling.messages import Caption, End, Offer, Ping, SpeakerMessage, State
from signaling.outbox import MAX_AUDIO_PACKETS
from signaling.protocol import SPEAKER
from signaling.websocket import Connection, accept

OFFERS = Path(__file__).parent / "offers"
JOIN = {"type": "join", "language": "nl", "audio": "socket"}
LIVE = State(state="live")
Client = TestClient[web.Request, None]
Session = Callable[[Connection[SpeakerMessage]], Awaitable[None]]


class Stage:
    """A server whose participants are served by ``session``; keeps what became of them."""

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
    """As a real server: it does not cancel a handler whose participant is gone."""

    async def _make_runner(self, **options: object) -> web.AppRunner:
        return web.AppRunner(self.app, handler_cancellation=False)


async def until_gone(connection: Connection[SpeakerMessage]) -> None:
    while await connection.receive() is not None:
        pass


async def closing(client: ClientWebSocketResponse) -> tuple[list[dict[str, object]], int | None]:
    """All that comes until the close, and its code."""
    said = []
    async with asyncio.timeout(5):
        async for frame in client:
            if frame.type is WSMsgType.TEXT:
                said.append(frame.json())
    return said, client.close_code


@pytest.fixture(autouse=True)
async def nothing_is_left_running() -> AsyncIterator[None]:  # noqa: ASYNC124
    yield
    left = {task.get_name() for task in asyncio.all_tasks()}
    assert not [name for name in left if name.startswith("speaker-")]


async def connected(
    aiohttp_client: AiohttpClient, session: Session
) -> tuple[Stage, ClientWebSocketResponse]:
    stage = Stage(session)
    client: Client = await aiohttp_client(Server(stage.app))
    return stage, await client.ws_connect("/ws")


async def test_messages_and_sound_come_in_typed(aiohttp_client: AiohttpClient) -> None:
    heard: list[object] = []

    async def session(connection: Connection[SpeakerMessage]) -> None:
        while (message := await connection.receive()) is not None:
            heard.append(message)

    stage, client = await connected(aiohttp_client, session)
    await client.send_json(JOIN)
    await client.send_bytes(b"\1\2")
    await client.send_json({"type": "end"})
    await client.close()
    await stage.wait_ended()
    assert [type(item).__name__ for item in heard] == ["JoinSpeaker", "bytes", "End"]


async def test_what_takes_long_takes_its_turn_and_nothing_else(
    aiohttp_client: AiohttpClient,
) -> None:
    turns: list[int] = []

    async def session(connection: Connection[SpeakerMessage]) -> None:
        while (message := await connection.receive()) is not None:
            turns.append(stage.turns)
            if isinstance(message, Offer):
                return

    sdp = (OFFERS / "chromium_sendonly.sdp").read_text()
    stage, client = await connected(aiohttp_client, session)
    for said in (
        {**JOIN, "audio": "webrtc"},
        {"type": "pause", "paused": True},
        {"type": "offer", "sdp": sdp},
    ):
        await client.send_json(said)
    await stage.wait_ended()
    assert turns == [2, 2, 3], "the upgrade, the join; not the pause; the offer"


async def test_what_is_queued_is_sent_before_an_ordinary_end(aiohttp_client: AiohttpClient) -> None:
    async def session(connection: Connection[SpeakerMessage]) -> None:
        await connection.receive()
        for _ in range(100):
            connection.send(LIVE)

    stage, client = await connected(aiohttp_client, session)
    await client.send_json(JOIN)
    said, code = await closing(client)
    assert (len(said), code) == (100, 1000)


async def test_sound_goes_out_as_binary(aiohttp_client: AiohttpClient) -> None:
    async def session(connection: Connection[SpeakerMessage]) -> None:
        connection.send_audio(b"packet")
        await until_gone(connection)

    stage, client = await connected(aiohttp_client, session)
    assert await client.receive_bytes(timeout=5) == b"packet"


async def test_pings_are_answered_and_not_passed_on(aiohttp_client: AiohttpClient) -> None:
    heard: list[object] = []

    async def session(connection: Connection[SpeakerMessage]) -> None:
        while (message := await connection.receive()) is not None:
            heard.append(message)

    stage, client = await connected(aiohttp_client, session)
    await client.send_json(JOIN)
    await client.send_json({"type": "ping"})
    assert await client.receive_json(timeout=5) == {"type": "pong"}
    await client.close()
    await stage.wait_ended()
    assert not any(isinstance(message, Ping) for message in heard)


async def test_a_fault_after_join_is_answered_and_survived(aiohttp_client: AiohttpClient) -> None:
    stage, client = await connected(aiohttp_client, until_gone)
    await client.send_json(JOIN)
    await client.send_str("nonsense")
    error = await client.receive_json(timeout=5)
    assert (error["code"], error["fatal"]) == ("bad_message", False)
    await client.send_json({"type": "ping"})
    assert await client.receive_json(timeout=5) == {"type": "pong"}


@pytest.mark.parametrize(
    ("first", "code", "number"),
    [("nonsense", "bad_message", 4400), ('{"type": "end"}', "out_of_order", 4402)],
)
async def test_a_fault_before_join_is_told_and_closes(
    aiohttp_client: AiohttpClient, first: str, code: str, number: int
) -> None:
    stage, client = await connected(aiohttp_client, until_gone)
    await client.send_str(first)
    said, close_code = await closing(client)
    assert [message["code"] for message in said] == [code]
    assert close_code == number
    await stage.wait_ended()


async def test_who_never_joins_is_told_and_closed(
    aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "FIRST_MESSAGE_S", 0.05)
    stage, client = await connected(aiohttp_client, until_gone)
    said, close_code = await closing(client)
    assert ([message["code"] for message in said], close_code) == (["timeout"], 4408)


@pytest.mark.parametrize("size", [70_000, 3_000_000])
@pytest.mark.parametrize("joined", [False, True])
async def test_what_is_too_large_is_told_and_closes(
    aiohttp_client: AiohttpClient, size: int, joined: bool
) -> None:
    stage, client = await connected(aiohttp_client, until_gone)
    if joined:
        await client.send_json(JOIN)
    await client.send_str("x" * size)
    said, close_code = await closing(client)
    assert ([message["code"] for message in said], close_code) == (["too_large"], 1009)
    error = (await stage.connections.get()).error
    assert error is not None and error.code == "too_large"


async def test_text_that_is_not_utf_8_is_told_and_closes(aiohttp_client: AiohttpClient) -> None:
    stage, client = await connected(aiohttp_client, until_gone)
    await client.send_frame(b"\xff\xfe", WSMsgType.TEXT)
    said, _ = await closing(client)
    assert [message["code"] for message in said] == ["bad_message"]


async def test_an_error_of_the_session_is_told_after_what_was_queued(
    aiohttp_client: AiohttpClient,
) -> None:
    async def session(connection: Connection[SpeakerMessage]) -> None:
        await connection.receive()
        connection.send(LIVE)
        raise ProtocolError("speaker_present", "somebody speaks here", fatal=False)

    stage, client = await connected(aiohttp_client, session)
    await client.send_json(JOIN)
    said, close_code = await closing(client)
    assert said == [
        {"type": "state", "state": "live"},
        {"type": "error", "code": "speaker_present", "message": "somebody speaks here"},
    ]
    assert close_code == 4409
    await stage.wait_ended()


async def test_an_error_out_of_the_session_s_own_group_is_the_same(
    aiohttp_client: AiohttpClient,
) -> None:
    async def refuse() -> None:
        await asyncio.sleep(0)
        raise ProtocolError("forbidden", "no")

    async def session(connection: Connection[SpeakerMessage]) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(refuse())
            await until_gone(connection)

    stage, client = await connected(aiohttp_client, session)
    said, close_code = await closing(client)
    assert ([message["code"] for message in said], close_code) == (["forbidden"], 4403)
    await stage.wait_ended()


async def test_a_fault_the_session_survives_is_answered(aiohttp_client: AiohttpClient) -> None:
    faults = [
        ProtocolError("unknown_channel", "none such", fatal=False),
        ProtocolError("limit", "that is it"),
    ]

    def refuse(fault: ProtocolError) -> None:
        raise fault

    async def session(connection: Connection[SpeakerMessage]) -> None:
        await connection.receive()
        for fault in faults:
            with connection.answering():
                refuse(fault)
            connection.send(LIVE)

    stage, client = await connected(aiohttp_client, session)
    await client.send_json(JOIN)
    said, close_code = await closing(client)
    assert [message.get("code") for message in said] == ["unknown_channel", None, "limit"]
    assert close_code == 4429


async def test_a_bug_is_told_as_internal_and_goes_on(aiohttp_client: AiohttpClient) -> None:
    async def session(connection: Connection[SpeakerMessage]) -> None:
        await connection.receive()
        raise ZeroDivisionError("a secret")

    stage, client = await connected(aiohttp_client, session)
    await client.send_json(JOIN)
    said, close_code = await closing(client)
    assert ([message["code"] for message in said], close_code) == (["internal"], 1011)
    assert "secret" not in json.dumps(said)
    await stage.wait_ended()
    assert isinstance(stage.bug, ZeroDivisionError)


async def test_a_session_closed_from_outside_is_told_at_once_and_cancelled(
    aiohttp_client: AiohttpClient,
) -> None:
    cleaning_up = asyncio.Event()
    may_end = asyncio.Event()

    async def session(connection: Connection[SpeakerMessage]) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            cleaning_up.set()
            await may_end.wait()
            raise

    stage, client = await connected(aiohttp_client, session)
    connection = await stage.connections.get()
    connection.close(ProtocolError("replaced", "this session went on elsewhere"))
    connection.close(ProtocolError("internal", "the first counts"))
    connection.send(LIVE)
    assert (await client.receive_json(timeout=5))["code"] == "replaced"
    async with asyncio.timeout(5):
        await cleaning_up.wait()
    may_end.set()
    assert await closing(client) == ([], 4410)
    await stage.wait_ended()


async def test_a_server_that_stops_says_so(aiohttp_client: AiohttpClient) -> None:
    running: list[asyncio.Task[None]] = []

    async def session(connection: Connection[SpeakerMessage]) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.append(task)
        await until_gone(connection)

    stage, client = await connected(aiohttp_client, session)
    await stage.connections.get()
    running[0].cancel()
    said, close_code = await closing(client)
    assert ([message["code"] for message in said], close_code) == (["unavailable"], 1013)
    await stage.wait_ended()


@pytest.mark.parametrize("flood", ["text", "ping"])
async def test_a_flood_takes_one_turn_of_the_loop_a_message(
    aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch, flood: str
) -> None:
    monkeypatch.setattr(rates, "TEXTS_AT_ONCE", 1000)
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def session(connection: Connection[SpeakerMessage]) -> None:
        await connection.receive()
        async with asyncio.TaskGroup() as group:
            counter = group.create_task(count_turns())
            while await connection.receive() != End():
                pass
            counter.cancel()

    stage, client = await connected(aiohttp_client, session)
    await client.send_json(JOIN)
    for _ in range(200):
        if flood == "ping":
            await client.ping()
        else:
            await client.send_json({"type": "pause", "paused": True})
    await client.send_json({"type": "end"})
    await closing(client)
    await stage.wait_ended()
    assert turns >= 200


@pytest.mark.parametrize("flood", ["text", "ping", "sound"])
async def test_who_sends_too_many_messages_is_told_and_closed(
    aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch, flood: str
) -> None:
    of = "SOUNDS" if flood == "sound" else "TEXTS"
    monkeypatch.setattr(rates, f"{of}_AT_ONCE", 20)
    monkeypatch.setattr(rates, f"{of}_PER_S", 1)
    stage, client = await connected(aiohttp_client, until_gone)
    await client.send_json(JOIN)
    for _ in range(200):
        if flood == "ping":
            await client.ping()
        elif flood == "text":
            await client.send_json({"type": "pause", "paused": True})
        else:
            await client.send_bytes(b"\1\2")
    said, code = await closing(client)
    assert ([message["code"] for message in said], code) == (["limit"], 4429)
    assert said[0]["retry_after_s"] == rates.BACK_AFTER_S


async def test_what_pages_and_microphones_send_is_not_too_much(
    aiohttp_client: AiohttpClient,
) -> None:
    """All at once, as after a stall of the network."""
    stage, client = await connected(aiohttp_client, until_gone)
    await client.send_json(JOIN)
    for _ in range(50):
        await client.send_json({"type": "pause", "paused": True})
    for _ in range(500):
        await client.send_bytes(b"\1\2")
    await client.send_json({"type": "ping"})
    assert await client.receive_json(timeout=10) == {"type": "pong"}


async def test_a_ping_of_the_network_s_is_answered() -> None:
    async with raw_client(Stage(until_gone)) as client:
        await asyncio.get_running_loop().sock_sendall(client, b"\x89\x82" + bytes(4) + b"hi")
        received = b""
        async with asyncio.timeout(5):
            while not received.endswith(b"\x8a\x02hi"):
                received += await asyncio.get_running_loop().sock_recv(client, 65536)
    assert received.count(b"\x8a\x02hi") == 1


async def test_pings_do_not_stand_in_for_a_join(
    aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "FIRST_MESSAGE_S", 0.3)
    stage, client = await connected(aiohttp_client, until_gone)
    async with asyncio.timeout(5):
        while not stage.ended.is_set():
            if not client.closed:
                await client.ping()
            await asyncio.sleep(0.05)
    error = (await stage.connections.get()).error
    assert error is not None and error.code == "timeout"


async def test_who_answers_no_heartbeat_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "HEARTBEAT_S", 0.1)
    stage = Stage(until_gone)
    async with raw_client(stage):
        await stage.wait_ended()
        assert stage.ended.is_set()


async def test_who_answers_heartbeats_stays(
    aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "HEARTBEAT_S", 0.1)
    stage, client = await connected(aiohttp_client, until_gone)
    await client.send_json(JOIN)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await client.receive()  # aiohttp's client answers meanwhile
    assert not stage.ended.is_set()


async def test_messages_are_not_compressed(aiohttp_client: AiohttpClient) -> None:
    client: Client = await aiohttp_client(Server(Stage(until_gone).app))
    async with client.ws_connect("/ws", compress=15) as socket:
        assert socket.compress == 0


@asynccontextmanager
async def raw_client(stage: Stage) -> AsyncIterator[socket.socket]:
    """A participant whose network takes a few kilobytes, and more only when it is read."""
    async with Server(stage.app) as server:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, ("127.0.0.1", server.port))
            await loop.sock_sendall(
                client,
                b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
            )
            yield client


async def test_who_reads_too_slowly_loses_the_oldest_sound_and_hears_the_latest() -> None:
    packets = 2000
    stage = Stage(until_gone)
    async with raw_client(stage) as client:
        connection = await stage.connections.get()
        for number in range(packets):
            connection.send_audio(number.to_bytes(4, "big") + bytes(196))
            await asyncio.sleep(0)
        stale = packets - MAX_AUDIO_PACKETS - connection.outbox.dropped_audio
        # What the kernel and the transport hold in spite of us: a few seconds of Opus, not minutes.
        assert 0 <= stale * 200 < 25_000
        assert len(connection.outbox) == MAX_AUDIO_PACKETS
        received = b""
        latest = (packets - 1).to_bytes(4, "big") + bytes(196)
        async with asyncio.timeout(10):
            while latest not in received:
                received += await asyncio.get_running_loop().sock_recv(client, 65536)


async def test_who_reads_too_slowly_to_be_told_anything_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket, "GOODBYE_S", 0.1)
    caption = Caption(
        stream="s", language="en", segment=1, revision=1, status="final", start_ms=0, end_ms=1,
        text="x" * 1000,
    )  # fmt: skip
    stage = Stage(until_gone)
    async with raw_client(stage):
        connection = await stage.connections.get()
        async with asyncio.timeout(10):
            while not stage.ended.is_set():
                connection.send(caption)
                await asyncio.sleep(0)
        assert connection.error is not None and connection.error.code == "limit"
        assert stage.transport is not None
        server_side = stage.transport.get_extra_info("socket")
        async with asyncio.timeout(5):
            while server_side.fileno() != -1:  # closed, though nobody reads what waits in it
                await asyncio.sleep(0.01)


async def test_what_is_too_large_is_refused_by_the_length_it_announces() -> None:
    stage = Stage(until_gone)
    async with raw_client(stage) as client:
        ten_megabytes = b"\x81\xff" + (10_000_000).to_bytes(8, "big") + bytes(4)
        await asyncio.get_running_loop().sock_sendall(client, ten_megabytes)
        await stage.wait_ended()
    error = (await stage.connections.get()).error
    assert error is not None and error.code == "too_large"


async def test_a_page_of_a_foreign_origin_is_refused_before_the_upgrade(
    aiohttp_client: AiohttpClient,
) -> None:
    client: Client = await aiohttp_client(Server(Stage(until_gone).app))
    headers = {
        "Origin": "https://evil.example",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    async with client.get("/ws", headers=headers) as response:
        assert response.status == 403
        assert 'Pages of "https://evil.example" may not talk' in await response.text()
