"""What listeners notice when an engine or the whole interpreter fails."""

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from server.app import Server
from server.client.conversation import Received
from server.client.participants import Listener, Speaker
from signaling import messages as wire
from tests.helpers.running import STAND_IN, power, sound_arrived, tolk, tone
from tests.helpers.waiting import until

LOW, HIGH = tone(300), tone(1000)
SPOKEN_HIGH_HZ = 1500


def status(wanted: str):  # type: ignore[no-untyped-def]
    return lambda state: state.status == wanted


def is_live(received: Received) -> bool:
    message = received.message
    return isinstance(message, wire.ChannelState) and message.status == "live"


def fallback(reason: str):  # type: ignore[no-untyped-def]
    return lambda state: (state.status, state.reason) == ("fallback", reason)


def text(wanted: str):  # type: ignore[no-untyped-def]
    return lambda caption: caption.text == wanted and caption.status == "final"


async def test_fallback_when_the_circuit_is_open(tmp_path: Path) -> None:
    """After three failures in a row the quiet floor is heard, and captions go on."""
    async with (
        tolk(tmp_path, [*STAND_IN, "--fault", "fail", "--retry-s", "2"]) as server,
        Listener(server.url, "hall", "en", captions=["en"], keep_sound=True) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        for _ in range(3):
            await speaker.play(LOW)
        await listener.expect(wire.ChannelState, fallback("broken"))
        since = len(listener.arrivals.payloads)
        heard_captions = len(listener.captions)
        await speaker.play(tone(300, 1.0))
        await sound_arrived(listener.arrivals, since, packets=5)
        instead = listener.arrivals.payloads[since:]
        await until(lambda: len(listener.captions) > heard_captions)
        since = len(listener.received)
        # After --retry-s a clause is tried. When one is spoken, the circuit closes.
        async with asyncio.timeout(20):
            while not any(map(is_live, listener.received[since:])):
                await speaker.play(HIGH)
    listener.arrivals.payloads[:] = instead
    floor = listener.arrivals.sound()
    assert power(floor, 300) > 0.5
    assert 1000 < abs(floor).max() < 4000  # the speaker's tone has 8000


async def test_time_limits_drop_the_clause_and_the_stream_goes_on(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, [*STAND_IN, "--fault", "hang", "--limit-s", "0.5"]) as server,
        Listener(server.url, "hall", "en", captions=["en"], keep_sound=True) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        await speaker.play(LOW)
        await speaker.play(tone(1000, 0.6, 3.5))
        since = len(listener.arrivals.payloads)
        await speaker.play(HIGH)
        await listener.expect(wire.Caption, text("high"))
        await sound_arrived(listener.arrivals, since)
        assert server.supervisor.restarts == 0
    assert power(listener.arrivals.sound()[-96_000:], SPOKEN_HIGH_HZ) > 0.5


async def test_a_killed_interpreter_is_replaced_and_nobody_reconnects(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, STAND_IN) as server,
        Listener(server.url, "hall", "en", captions=["en"]) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        await speaker.play(HIGH)
        await listener.expect(wire.Caption, text("high"))
        os.kill(interpreter_pid(server), signal.SIGKILL)
        await listener.expect(wire.ChannelState, fallback("restarting"))
        since = len(listener.received)
        await speaker.play(LOW)
        await listener.expect(wire.Caption, text("low"), since=since)
        assert not listener.closed and not speaker.closed
        assert server.supervisor.restarts == 1


async def test_a_stream_that_begins_again_soon_is_interpreted_from_its_first_word(
    tmp_path: Path,
) -> None:
    """Its name is the same, and its time begins at 0 again."""
    async with tolk(tmp_path, STAND_IN, demand_linger_s=60.0) as server:
        server.manager.empty_s = 0.0
        for words in (4, 1):
            async with (
                Listener(server.url, "hall", "en", captions=["en"]) as listener,
                Speaker(server.url, "hall", "nl") as speaker,
            ):
                for _ in range(words):
                    await speaker.play(HIGH)
                await listener.expect(wire.Caption, text("high"))
            await until(lambda: "hall" not in server.manager.streams)


async def test_the_same_audio_crashes_at_most_two_interpreters(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, [*STAND_IN, "--fault", "crash"]) as server,
        Listener(server.url, "hall", "en", captions=["en"]) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        await speaker.play(LOW)
        await until(lambda: server.supervisor.restarts == 2, 20)
        await until(lambda: server.supervisor.ready, 20)
        since = len(listener.received)
        await speaker.play(HIGH)
        await listener.expect(wire.Caption, text("high"), since=since)
        assert server.supervisor.restarts == 2


async def test_unspoken_audio_is_interpreted_by_the_next_interpreter(tmp_path: Path) -> None:
    once = tmp_path / "once"
    async with (
        tolk(tmp_path, [*STAND_IN, "--fault", "crash", "--once", str(once)]) as server,
        Listener(server.url, "hall", "en", captions=["en"], keep_sound=True) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        await speaker.play(LOW)
        await until(lambda: server.supervisor.restarts == 1 and server.supervisor.ready, 20)
        await speaker.play(tone(300, 0.0, 1.5))
        assert server.supervisor.restarts == 1
    assert power(listener.arrivals.sound(), 700) > 0.3


async def test_health(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, STAND_IN, ready=False) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        async with http.get("/healthz") as response:
            assert response.status == 200
        async with http.get("/readyz") as response:
            assert response.status == 503
            assert "models" in (await response.json())["missing"][0]
        await until(lambda: server.supervisor.ready)
        async with http.get("/readyz") as response:
            assert response.status == 200


async def test_sigterm_ends_everything_within_five_seconds(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "--port", "0", "--state", str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            while b"/listen/" not in (line := await process.stdout.readline()):
                pass
            url = line.decode().split()[-1].removesuffix("/listen/main")
        async with Listener(url, "main", "en") as listener, Speaker(url, "main", "nl"):
            process.send_signal(signal.SIGTERM)
            told = await listener.expect(wire.Error)
            assert told.code == "unavailable"
            async with asyncio.timeout(5):
                assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def interpreter_pid(server: Server) -> int:
    pid = server.supervisor.pid
    assert pid is not None
    return pid


async def test_a_language_without_room_begins_once_there_is_room(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, STAND_IN, max_languages=1, demand_linger_s=0.2) as server,
        Speaker(server.url, "hall", "nl"),
        Speaker(server.url, "annex", "nl") as speaker,
        AsyncExitStack() as stack,
    ):
        async with Listener(server.url, "hall", "en") as first:
            await first.expect(wire.ChannelState, status("live"))
            late = Listener(server.url, "annex", "en", captions=["en"])
            refused = await stack.enter_async_context(late)
            await refused.expect(wire.ChannelState, fallback("full"))
            await until(lambda: without_room(server) == 1)
            since = len(refused.received)
        await refused.expect(wire.ChannelState, status("live"), since=since)
        await speaker.play(HIGH)
        caption = await refused.expect(wire.Caption, text("high"))
    assert caption.language == "en"


def without_room(server: Server) -> float:
    labels = {"what": "language"}
    return server.metrics.registry.get_sample_value("tolk_without_room", labels) or 0.0


@pytest.mark.parametrize("joins_with", ["en", "floor"])
async def test_a_language_without_room_is_never_called_live(
    tmp_path: Path, joins_with: str
) -> None:
    async with (
        tolk(tmp_path, STAND_IN, max_languages=1) as server,
        Speaker(server.url, "hall", "nl"),
        Speaker(server.url, "annex", "nl"),
        Listener(server.url, "hall", "en", audio="socket") as first,
    ):
        await first.expect(wire.ChannelState, status("live"))
        async with Listener(server.url, "annex", joins_with, audio="socket") as late:
            await late.select("en")
            await late.expect(wire.ChannelState, fallback("full"))
            told = [each for _, each in late.received if isinstance(each, wire.ChannelState)]
            assert {each.reason for each in told if each.channel == "en"} == {"full"}


async def test_a_talker_is_told_of_a_language_without_room(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, STAND_IN, max_languages=1, demand_linger_s=0.2) as server,
        Speaker(server.url, "hall", "nl"),
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{server.url}/ws") as alone,
        asyncio.timeout(10),
    ):
        async with Listener(server.url, "hall", "en", audio="socket") as first:
            await first.expect(wire.ChannelState, status("live"))
            await alone.send_json({"type": "join", "language": "nl", "target": "en"})
            told = await next_channel(alone)
            assert (told["status"], told["reason"]) == ("fallback", "full")
        assert (await next_channel(alone))["status"] == "live"


async def next_channel(socket: aiohttp.ClientWebSocketResponse) -> dict[str, str]:
    while (message := await socket.receive_json())["type"] != "channel":
        pass
    return dict(message)
