import asyncio
import json
from pathlib import Path

import pytest
from aiohttp import WSMsgType
from pytest_aiohttp.plugin import AiohttpClient

from signaling import websocket
from signaling.errors import ProtocolError
from signaling.messages import Offer, Ping, SpeakerMessage, State
from signaling.websocket import Connection
from tests.helpers.stage import (
    JOIN,
    Client,
    Server,
    Session,
    Stage,
    closing,
    connected,
    until_gone,
)

pytestmark = pytest.mark.usefixtures("nothing_is_left_running")

OFFERS = Path(__file__).parent / "offers"
LIVE = State(state="live")


def keeping(heard: list[object]) -> Session:
    """A session that keeps what it receives."""

    async def session(connection: Connection[SpeakerMessage]) -> None:
        while (message := await connection.receive()) is not None:
            heard.append(message)

    return session


async def test_messages_and_sound_are_received_as_types(aiohttp_client: AiohttpClient) -> None:
    heard = list[object]()
    stage, client = await connected(aiohttp_client, keeping(heard))
    await client.send_json(JOIN)
    await client.send_bytes(b"\1\2")
    await client.send_json({"type": "end"})
    await client.close()
    await stage.wait_ended()
    assert [type(item).__name__ for item in heard] == ["JoinSpeaker", "bytes", "End"]


async def test_long_work_waits_for_its_turn_and_blocks_nothing_else(
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


async def test_queued_messages_are_sent_before_an_ordinary_end(
    aiohttp_client: AiohttpClient,
) -> None:
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


async def test_pings_are_answered_and_not_passed_to_the_session(
    aiohttp_client: AiohttpClient,
) -> None:
    heard = list[object]()
    stage, client = await connected(aiohttp_client, keeping(heard))
    await client.send_json(JOIN)
    await client.send_json({"type": "ping"})
    assert await client.receive_json(timeout=5) == {"type": "pong"}
    await client.close()
    await stage.wait_ended()
    assert not any(isinstance(message, Ping) for message in heard)


async def test_a_fault_after_joining_is_answered_and_the_session_goes_on(
    aiohttp_client: AiohttpClient,
) -> None:
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
async def test_a_fault_before_joining_is_answered_and_closes_the_session(
    aiohttp_client: AiohttpClient, first: str, code: str, number: int
) -> None:
    stage, client = await connected(aiohttp_client, until_gone)
    await client.send_str(first)
    said, close_code = await closing(client)
    assert [message["code"] for message in said] == [code]
    assert close_code == number
    await stage.wait_ended()


async def test_a_client_that_does_not_join_is_told_and_closed(
    aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "FIRST_MESSAGE_S", 0.05)
    stage, client = await connected(aiohttp_client, until_gone)
    said, close_code = await closing(client)
    assert ([message["code"] for message in said], close_code) == (["timeout"], 4408)


@pytest.mark.parametrize("size", [70_000, 3_000_000])
@pytest.mark.parametrize("joined", [False, True])
async def test_a_message_that_is_too_large_is_answered_and_closes_the_session(
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


async def test_text_that_is_not_utf_8_is_answered_and_closes_the_session(
    aiohttp_client: AiohttpClient,
) -> None:
    stage, client = await connected(aiohttp_client, until_gone)
    await client.send_frame(b"\xff\xfe", WSMsgType.TEXT)
    said, _ = await closing(client)
    assert [message["code"] for message in said] == ["bad_message"]


async def test_an_error_of_the_session_is_sent_after_queued_messages(
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


async def test_an_error_from_the_session_s_task_group_is_sent_likewise(
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


async def test_a_nonfatal_error_is_answered_and_the_session_goes_on(
    aiohttp_client: AiohttpClient,
) -> None:
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


async def test_a_bug_is_reported_as_internal_and_raised(aiohttp_client: AiohttpClient) -> None:
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


async def test_a_server_that_stops_tells_its_clients(aiohttp_client: AiohttpClient) -> None:
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


async def test_messages_are_not_compressed(aiohttp_client: AiohttpClient) -> None:
    client: Client = await aiohttp_client(Server(Stage(until_gone).app))
    async with client.ws_connect("/ws", compress=15) as socket:
        assert socket.compress == 0


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
        assert 'Pages of "https://evil.example" may not connect' in await response.text()
