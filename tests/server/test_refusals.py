"""What a running server refuses and how it answers. Others are not disturbed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import msgspec
import pytest

from server.app import Server
from server.client.participants import Listener, Refused, Speaker
from server.media import places
from signaling import messages as wire
from tests.helpers.running import STAND_IN, final, tolk, tone
from tests.helpers.waiting import until
from tests.helpers.webrtc import Client

LOW = tone(300)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with tolk(tmp_path, STAND_IN) as running:
        yield running


async def test_limits_on_connections(tmp_path: Path) -> None:
    async with tolk(tmp_path, STAND_IN, ready=False, max_listeners=2) as server:
        async with Listener(server.url, "hall", audio="none"):
            async with Listener(server.url, "hall", audio="none"):
                with pytest.raises(Refused, match="limit"):
                    async with Listener(server.url, "hall", audio="none"):
                        pass
            await until(lambda: len(server.manager.streams["hall"].listeners) == 1)
            async with Listener(server.url, "hall", audio="none"):
                pass


@pytest.mark.parametrize("path", ["/ws/speak/{}", "/ws/listen/{}", "/ws"])
async def test_addresses_of_one_network_count_as_one(tmp_path: Path, path: str) -> None:
    join = {"type": "join", "language": "nl", "target": "en", "audio": "socket"}
    proxied = {"trusted_proxies": ["127.0.0.1"], "speak_token": "open"}
    async with (
        tolk(tmp_path, STAND_IN, ready=False, max_sessions_per_address=1, **proxied) as server,
        aiohttp.ClientSession() as http,
        AsyncExitStack() as stack,
    ):
        answers = []
        for number, address in enumerate(("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")):
            socket = await stack.enter_async_context(
                http.ws_connect(
                    server.url + path.format(f"hall{number}"),
                    headers={"X-Forwarded-For": address},
                )
            )
            await socket.send_json(join)
            answers.append(await socket.receive_json(timeout=10))
    assert [answer["type"] for answer in answers] == ["joined", "error", "joined"]
    assert answers[1]["code"] == "limit"


async def test_speaking_beyond_loopback_needs_a_token(tmp_path: Path) -> None:
    async with tolk(tmp_path, STAND_IN, ready=False, speak_token="required") as server:
        with pytest.raises(Refused, match="unauthorised"):
            async with Speaker(server.url, "hall", "nl"):
                pass
        token = server.addresses.speaker.partition("#token=")[2]
        async with Speaker(server.url, "hall", "nl", token=token):
            pass


#: A path, the messages sent there, and the code of the error that answers them.
BAD_INPUT = [
    ("/ws/speak/hall", ["hello"], "bad_message"),
    ("/ws/speak/hall", ['{"type": "sing"}'], "bad_message"),
    ("/ws/speak/hall", ['{"type": "offer", "sdp": "v=0"}'], "out_of_order"),
    ("/ws/speak/hall", ['{"type": "join", "language": "xx"}'], "unknown_language"),
    ("/ws/speak/hall", ["x" * 70_000], "too_large"),
    ("/ws/speak/no%20name", ['{"type": "join", "language": "nl"}'], "bad_stream"),
    ("/ws/listen/hall", ['{"type": "join", "channel": "xx"}'], "unknown_channel"),
    (
        "/ws/listen/hall",
        ['{"type": "join"}', '{"type": "offer", "sdp": "v=0\\r\\nm=video 9"}'],
        "bad_sdp",
    ),
    ("/ws", ['{"type": "join", "language": "nl", "target": "nl"}'], "unknown_language"),
]


async def test_bad_input_is_answered_and_disturbs_nobody(server: Server) -> None:
    async with (
        Listener(server.url, "other", "en", captions=["en"]) as listener,
        Speaker(server.url, "other", "nl") as speaker,
        aiohttp.ClientSession() as session,
        AsyncExitStack() as stack,
    ):
        for path, messages, code in BAD_INPUT:
            socket = await stack.enter_async_context(session.ws_connect(server.url + path))
            for message in messages:
                await socket.send_str(message)
            async with asyncio.timeout(5):
                while (answer := await socket.receive_json())["type"] != "error":
                    pass
            assert answer["code"] == code, messages
            await listener.ask(wire.Ping(), wire.Pong)
            await speaker.ask(wire.Ping(), wire.Pong)
        await speaker.play(LOW)
        await listener.expect(wire.Caption, final("en", "low"))


async def test_a_fault_after_joining_is_answered_and_the_session_goes_on(server: Server) -> None:
    async with Listener(server.url, "hall", "en") as listener:
        await listener.select("xx")
        error = await listener.expect(wire.Error)
        assert (error.code, error.fatal) == ("unknown_channel", False)
        await listener.select("floor")
        await listener.expect(wire.ChannelState, lambda state: state.channel == "floor")


async def test_pages_of_a_foreign_origin_are_refused(server: Server) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with session.ws_connect(
                server.url + "/ws/listen/hall", headers={"Origin": "https://evil.example"}
            ):
                pass
    assert refused.value.status == 403


async def test_half_open_offers_do_not_shut_out_an_honest_listener(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("PLACES", 2), ("WAIT_S", 0.3), ("PATIENCE_S", 2.0), ("_REVIEW_S", 0.1)):
        monkeypatch.setattr(places, name, value)
    client = Client("recvonly")
    offer = msgspec.json.encode(wire.Offer(sdp=await client.offer())).decode()
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        answers = []
        for _ in range(3):
            socket = await stack.enter_async_context(
                session.ws_connect(server.url + "/ws/listen/hall")
            )
            await socket.send_str('{"type": "join"}')
            await socket.send_str(offer)
            async with asyncio.timeout(5):
                while (answer := await socket.receive_json())["type"] not in ("answer", "error"):
                    pass
            answers.append(answer)
        assert [answer["type"] for answer in answers] == ["answer", "answer", "error"]
        assert answers[2]["code"] == "limit" and answers[2]["retry_after_s"] > 0
        monkeypatch.setattr(places, "WAIT_S", 10)
        async with Listener(server.url, "hall", "floor") as listener:
            await until(lambda: len(listener.arrivals) > 0)
    await client.close()
