"""A channel's sound over plain HTTP, as VLC, FFmpeg and a hearing loop's player get it."""

import asyncio
import gc
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import av
import numpy as np
import pytest
from aiohttp import web
from av.container import OutputContainer

from server.app import Server
from server.client.participants import Speaker
from server.http.sockets import listen
from server.media.opus import RATE_HZ, Pcm, mono
from server.streams import http_listener
from signaling.errors import ProtocolError
from signaling.unsent import bound_unsent
from tests.helpers.running import STAND_IN, power, tolk, tone
from tests.helpers.waiting import until

PATIENCE_S = 20.0


def heard(url: str, seconds: float, loud: bool = True) -> Pcm:
    """What FFmpeg plays of ``url``: so long from its first sound on; or silence as well."""
    kept: list[Pcm] = []
    with av.open(url, "r", timeout=PATIENCE_S) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
        for frame in container.decode(audio=0):
            for part in resampler.resample(frame):
                pcm = mono(part)
                if kept or not loud or np.abs(pcm).max() > 1000:
                    kept.append(pcm)
            if sum(map(len, kept)) >= seconds * RATE_HZ:
                break
    return np.concatenate(kept)


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


async def test_a_player_gets_its_language_interpreted_while_it_plays(
    tmp_path: Path, thread: ThreadPoolExecutor
) -> None:
    loop = asyncio.get_running_loop()
    async with (
        tolk(tmp_path, STAND_IN, demand_linger_s=0.0) as server,
        Speaker(server.url, "hall", "nl", audio="socket") as speaker,
    ):
        stream = server.manager.streams["hall"]
        url = f"{server.url}/listen/hall/en.ogg"
        players = [loop.run_in_executor(thread, heard, url, 0.3) for _ in range(2)]
        await until(lambda: stream.audience() == {"en": 2})
        assert stream.wanted(loop.time(), 0.0) == (("en",), ())
        async with asyncio.timeout(PATIENCE_S):
            while not all(player.done() for player in players):
                await speaker.play(tone(300))
        for player in players:
            assert power(player.result(), 700) > 0.8
        await until(lambda: not stream.listeners)
        assert stream.wanted(loop.time() + 1, 0.0) == ((), ())


async def test_silence_is_played_too(server: Server, thread: ThreadPoolExecutor) -> None:
    """A player that got nothing would stop to fill its buffer."""
    url = f"{server.url}/listen/hall/floor.ogg"
    loop = asyncio.get_running_loop()
    begun = loop.time()
    pcm = await loop.run_in_executor(thread, heard, url, 1.5, False)
    assert len(pcm) >= 1.5 * RATE_HZ
    assert loop.time() - begun >= 1.4


async def test_a_refusal_says_what_was_wrong(server: Server, http: aiohttp.ClientSession) -> None:
    for path, status, says in (
        ("/listen/hall/xx.ogg", 404, "'xx'"),
        ("/listen/hall/.ogg", 404, ""),
        ("/listen/hall/a+b.ogg", 400, "floor"),
        ("/listen/a.b/floor.ogg", 404, "a.b"),
        ("/listen/hall/floor.ogg?token=x", 401, "did not issue"),
    ):
        async with http.get(path) as response:
            assert response.status == status
            assert says in await response.text()
    assert not server.manager.streams


async def test_tokens_are_those_of_a_page(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, STAND_IN, ready=False, listen_token="required") as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        token = server.access.issue(valid_s=60, listen=True, languages=["en"])
        for path, status in (
            ("/listen/hall/en.ogg", 401),
            (f"/listen/hall/nl.ogg?token={token}", 403),
            (f"/listen/hall/en.ogg?token={token}", 200),
        ):
            async with http.get(path) as response:
                assert response.status == status


async def test_a_player_may_ask_for_the_headers_alone(
    server: Server, http: aiohttp.ClientSession
) -> None:
    async with http.head("/listen/hall/en%2Bfloor.ogg") as response:
        assert (response.status, response.content_type) == (200, "audio/ogg")
    assert not server.manager.streams["hall"].listeners


async def test_a_player_that_does_not_read_is_dropped(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_listener, "SEND_S", 0.3)
    with socket.socket() as player:
        player.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        player.connect(("127.0.0.1", server.port))
        player.send(b"GET /listen/hall/floor.ogg HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until(lambda: "hall" in server.manager.streams)
        stream = server.manager.streams["hall"]
        await until(lambda: len(stream.listeners) == 1)
        channel = server.live.of(stream).playout.channel("floor")
        async with asyncio.timeout(PATIENCE_S):
            tick = 1_000_000
            while stream.listeners:
                tick += 1
                channel.publish(tick, b"\x78" + bytes(1200))
                await asyncio.sleep(0.001)
    value = server.metrics.registry.get_sample_value
    assert value("tolk_refused_total", {"code": "limit"}) == 1
    assert (value("tolk_dropped_total", {"where": "http_audio"}) or 0) > 0


def muxers() -> int:
    """How many there are, with those that only a garbage collection would free."""
    return sum(isinstance(each, OutputContainer) for each in gc.get_objects())


async def test_players_that_leave_or_are_dismissed_leave_nothing_behind(
    server: Server, http: aiohttp.ClientSession
) -> None:
    why = ProtocolError("unavailable", "The server stops.")
    gc.collect()
    gc.disable()
    try:
        before = muxers()
        for dismissed in (False, True, False, True):
            async with http.get("/listen/hall/floor.ogg") as response:
                await response.content.readexactly(4)
                assert muxers() > before
                if dismissed:
                    (session,) = server.manager.streams["hall"].listeners
                    session.dismiss(why)
                    await response.content.read()
            await until(lambda: muxers() == before)
    finally:
        gc.enable()


async def test_a_player_that_stops_within_a_large_piece_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_listener, "SEND_S", 0.3)
    given_up = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        answer = http_listener.Answer(web.StreamResponse(), bound_unsent(request))
        await answer.response.prepare(request)
        try:
            while True:
                await answer.write(bytes(1_000_000))
        except TimeoutError:
            given_up.set()
        return answer.response

    app = web.Application()
    app.router.add_get("/", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        port = (await listen(runner, "127.0.0.1", 0))[0].getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as player:
            player.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            async with asyncio.timeout(PATIENCE_S):
                await given_up.wait()
    finally:
        await runner.cleanup()


async def test_a_player_of_http_1_0_is_served(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /listen/hall/floor.ogg HTTP/1.0\r\n\r\n")
    async with asyncio.timeout(PATIENCE_S):
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"chunked" not in head.lower()
        assert await reader.readexactly(4) == b"OggS"
    writer.close()
