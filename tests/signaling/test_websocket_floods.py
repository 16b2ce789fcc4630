"""Participants who send too much, say nothing, or read too slowly."""

import asyncio

import pytest
from aiohttp import WSMsgType
from pytest_aiohttp.plugin import AiohttpClient

from signaling import rates, websocket
from signaling.messages import Caption, End, SpeakerMessage
from signaling.outbox import MAX_AUDIO_PACKETS
from signaling.websocket import Connection
from tests.helpers.stage import JOIN, Stage, closing, connected, raw_client, until_gone

pytestmark = pytest.mark.usefixtures("nothing_is_left_running")


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
async def test_a_client_that_sends_too_many_messages_is_told_and_closed(
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


async def test_the_messages_of_pages_and_microphones_are_within_the_limits(
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


async def test_a_websocket_ping_is_answered() -> None:
    async with raw_client(Stage(until_gone)) as client:
        await asyncio.get_running_loop().sock_sendall(client, b"\x89\x82" + bytes(4) + b"hi")
        received = b""
        async with asyncio.timeout(5):
            while not received.endswith(b"\x8a\x02hi"):
                received += await asyncio.get_running_loop().sock_recv(client, 65536)
    assert received.count(b"\x8a\x02hi") == 1


async def test_pings_do_not_extend_the_time_to_join(
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


async def test_a_client_that_answers_no_heartbeat_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket, "HEARTBEAT_S", 0.1)
    stage = Stage(until_gone)
    async with raw_client(stage):
        await stage.wait_ended()
        assert stage.ended.is_set()


async def test_a_client_that_answers_heartbeats_stays(
    aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "HEARTBEAT_S", 0.2)
    stage, client = await connected(aiohttp_client, until_gone, autoping=False)
    await client.send_json(JOIN)
    for _ in range(3):
        heartbeat = await client.receive(timeout=5)
        assert heartbeat.type is WSMsgType.PING
        await client.pong(heartbeat.data)
    assert not stage.ended.is_set()


async def test_a_slow_reader_loses_the_oldest_sound_and_gets_the_latest() -> None:
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


async def test_a_client_that_does_not_read_is_closed(
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


async def test_a_message_is_refused_by_its_announced_length() -> None:
    stage = Stage(until_gone)
    async with raw_client(stage) as client:
        ten_megabytes = b"\x81\xff" + (10_000_000).to_bytes(8, "big") + bytes(4)
        await asyncio.get_running_loop().sock_sendall(client, ten_megabytes)
        await stage.wait_ended()
    error = (await stage.connections.get()).error
    assert error is not None and error.code == "too_large"
