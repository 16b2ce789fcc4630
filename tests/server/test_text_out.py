"""Captions over plain HTTP: server-sent events and WebVTT."""

import asyncio
import time
from pathlib import Path

import aiohttp
import msgspec
import pytest

from server.app import Server
from server.bus.messages import Caption
from server.client.participants import Listener, Speaker
from server.streams import text_out
from signaling import messages as wire
from signaling import outbox
from signaling.errors import ProtocolError
from tests.helpers.running import STAND_IN, final, tolk, tone
from tests.helpers.waiting import until
from tools.events import Event, events, first

EVENTS = "/api/streams/hall/captions"
ENGLISH = {"language": "en"}
PATIENCE_S = 20.0


def say(
    server: Server,
    segment: int,
    text: str,
    status: wire.CaptionStatus = "final",
    revision: int = 1,
) -> None:
    """What the interpreter does when a line of English is done, or grows."""
    live = server.live.of(server.manager.streams["hall"])
    line = Caption(
        stream="hall",
        epoch=0,
        language="en",
        segment=segment,
        revision=revision,
        status=status,
        start_sample=segment * 16_000,
        end_sample=segment * 16_000 + 8_000,
        text=text,
    )
    live.notices.caption(line)


async def captions(response: aiohttp.ClientResponse, count: int) -> list[Event]:
    """The next ``count`` captions."""
    found: list[Event] = []
    async with asyncio.timeout(PATIENCE_S):
        async for event in events(response):
            if event.name == "caption":
                found.append(event)
            if len(found) == count:
                break
    return found


def texts(found: list[Event]) -> list[str]:
    return [event.data["text"] for event in found]


async def test_captions_come_as_events_with_stream_time(
    server: Server, http: aiohttp.ClientSession
) -> None:
    async with http.get(EVENTS, params=ENGLISH) as response:
        assert response.content_type == "text/event-stream"
        assert (await first(response, "state")).data["state"] == "waiting"
        say(server, 1, "good", "partial")
        say(server, 1, "good morning", revision=2)
        partial, line = await captions(response, 2)
    assert (partial.data["status"], partial.id) == ("partial", "")
    assert (line.data["text"], line.data["start_ms"], line.data["end_ms"]) == (
        *("good morning", 1000, 1500),
    )
    assert line.id == str(line.data["number"])


async def test_a_reader_that_comes_back_gets_what_it_missed_and_nothing_twice(
    server: Server, http: aiohttp.ClientSession
) -> None:
    async with http.get(EVENTS, params=ENGLISH) as response:
        await first(response, "state")
        say(server, 1, "one")
        say(server, 2, "two")
        read = await captions(response, 2)
    say(server, 3, "three")
    say(server, 1, "one, not spoken", revision=2)
    async with http.get(EVENTS, params=ENGLISH, headers={"Last-Event-ID": read[-1].id}) as response:
        say(server, 4, "four")
        assert texts(await captions(response, 3)) == ["one, not spoken", "three", "four"]
    async with http.get(EVENTS, params=ENGLISH, headers={"Last-Event-ID": "nonsense"}) as response:
        assert len(await captions(response, 4)) == 4


async def test_a_reader_of_an_earlier_stream_gets_all_though_the_clock_was_ahead_then(
    server: Server, http: aiohttp.ClientSession
) -> None:
    """The numbers of lines begin at the clock."""
    an_hour_ahead = {"Last-Event-ID": str(int((time.time() + 3600) * 1000))}
    async with http.get(EVENTS, params=ENGLISH, headers=an_hour_ahead) as response:
        await first(response, "state")
        say(server, 1, "one")
        assert texts(await captions(response, 1)) == ["one"]
    async with http.get(EVENTS, params=ENGLISH, headers=an_hour_ahead) as response:
        say(server, 2, "two")
        assert texts(await captions(response, 2)) == ["one", "two"]


async def test_a_reader_is_counted_until_it_leaves(
    server: Server, http: aiohttp.ClientSession
) -> None:
    async with http.get(EVENTS, params=ENGLISH):
        stream = server.manager.streams["hall"]
        assert stream.audience() == {"captions": 1}
        assert stream.wanted(0, 10) == ((), ("en",))
    await until(lambda: not stream.listeners)


REFUSALS = [
    (EVENTS, 400, "?language=en"),
    (f"{EVENTS}?language=xx", 404, "'xx'"),
    (f"{EVENTS}?language=<b>", 400, "language tags"),
    ("/api/streams/a.b/captions?language=en", 404, "a.b"),
    (f"{EVENTS}?language=en&token=x", 401, "did not issue"),
    ("/captions/hall/xx.vtt", 404, "'xx'"),
    ("/captions/hall/en.vtt?offset=soon", 400, "offset"),
    ("/captions/hall/en.vtt?offset=nan", 400, "offset"),
]


async def test_a_refusal_says_what_was_wrong(server: Server, http: aiohttp.ClientSession) -> None:
    for path, status, says in REFUSALS:
        async with http.get(path) as response:
            assert response.status == status
            assert says in (await response.json())["message"]
    assert not server.manager.streams


async def test_tokens_are_those_of_a_page(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, STAND_IN, ready=False, listen_token="required") as server,
        aiohttp.ClientSession(server.url) as http,
    ):

        async def status(given: str, **grants: object) -> int:
            token = server.access.issue(valid_s=60, **grants)  # type: ignore[arg-type]
            asked = ENGLISH | ({"token": token} if given == "address" else {})
            headers = {"Authorization": f"Bearer {token}"} if given == "header" else {}
            async with http.get(EVENTS, params=asked, headers=headers) as response:
                return response.status

        assert await status("not") == 401
        assert await status("address", listen=True) == 200
        assert await status("header", listen=True, languages=["en"]) == 200
        assert await status("header", listen=True, languages=["nl"]) == 403
        assert await status("header", listen=True, stream="garden") == 403
        assert await status("header") == 403


async def test_there_are_as_many_readers_as_listeners_at_most(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, STAND_IN, ready=False, max_listeners=1) as server,
        aiohttp.ClientSession(server.url) as http,
        http.get(EVENTS, params=ENGLISH),
        http.get(EVENTS, params=ENGLISH) as refused,
    ):
        assert refused.status == 429
        assert refused.headers["Retry-After"] == "30"


async def test_pages_of_other_origins_need_to_be_allowed(tmp_path: Path) -> None:
    site = "https://site.example"
    async with (
        tolk(tmp_path, STAND_IN, ready=False, allowed_origins=[site]) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        for origin, status in ((site, 200), ("https://evil.example", 403)):
            async with http.get(EVENTS, params=ENGLISH, headers={"Origin": origin}) as response:
                allowed = response.headers.get("Access-Control-Allow-Origin")
                assert (response.status, allowed) == (status, origin if status == 200 else None)
        async with http.options(EVENTS, headers={"Origin": site}) as response:
            assert response.status == 204
            assert "Authorization" in response.headers["Access-Control-Allow-Headers"]


async def test_a_reader_hears_that_the_connection_lives(
    http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_out, "LOOK_S", 0.01)
    monkeypatch.setattr(text_out, "HEARTBEAT_S", 0.02)
    async with http.get(EVENTS, params=ENGLISH) as response, asyncio.timeout(PATIENCE_S):
        await first(response, "state")
        assert (await first(response, "")).comments


async def test_a_reader_that_does_not_read_is_sent_away(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_MESSAGES", 4)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
    writer.write(f"GET {EVENTS}?language=en HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    await until(lambda: "hall" in server.manager.streams)
    stream = server.manager.streams["hall"]
    await until(lambda: len(stream.listeners) == 1)
    for segment in range(2000):
        if not stream.listeners:
            break
        say(server, segment, "word " * 1000, "partial")
        say(server, segment, "word " * 1000, revision=2)
        await asyncio.sleep(0.001)
    await until(lambda: not stream.listeners)
    dropped = server.metrics.registry.get_sample_value("tolk_dropped_total", {"where": "captions"})
    assert dropped
    writer.close()
    del reader


async def test_a_reader_may_be_sent_away_twice(server: Server, http: aiohttp.ClientSession) -> None:
    why = ProtocolError("limit", "too slow")
    async with http.get(EVENTS, params=ENGLISH) as response, asyncio.timeout(PATIENCE_S):
        await first(response, "state")
        (session,) = server.manager.streams["hall"].listeners
        session.dismiss(why)
        await asyncio.sleep(0)  # what ends it has begun
        session.dismiss(why)
        assert (await first(response, "end")).data["code"] == "limit"


async def test_readers_are_told_that_the_server_stops(
    server: Server, http: aiohttp.ClientSession
) -> None:
    async with http.get(EVENTS, params=ENGLISH) as response, asyncio.timeout(PATIENCE_S):
        await first(response, "state")
        server.manager.close()
        assert (await first(response, "end")).data["code"] == "unavailable"
        assert await response.content.read() == b""


async def test_a_webvtt_grows_with_each_final_line(
    server: Server, http: aiohttp.ClientSession
) -> None:
    async with (
        http.get("/captions/hall/en.vtt", params={"offset": "-0.5"}) as response,
        asyncio.timeout(PATIENCE_S),
    ):
        assert response.content_type == "text/vtt"
        assert await response.content.readuntil(b"\n\n") == b"WEBVTT\n\n"
        say(server, 3600, "not yet", "partial")
        say(server, 3601, "1 < 2 & 3 -->\n\nfour")
        say(server, 3601, "with a mark", revision=2)
        say(server, 3602, "five")
        assert (await response.content.readuntil(b"\n\n")).decode() == (
            "3601\n01:00:00.500 --> 01:00:01.700\n1 &lt; 2 &amp; 3 --&gt; four\n\n"
        )
        assert b"five" in await response.content.readuntil(b"\n\n")


async def test_what_is_said_is_read_like_on_a_page(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, STAND_IN) as server,
        aiohttp.ClientSession(server.url) as http,
        Speaker(server.url, "hall", "nl", audio="socket") as speaker,
        Listener(server.url, "hall", captions=["en"], audio="none") as page,
        http.get(EVENTS, params=ENGLISH) as response,
        asyncio.timeout(PATIENCE_S),
    ):
        await speaker.play(tone(300))
        (line,) = await captions(response, 1)
        same = await page.expect(wire.Caption, final("en", "low"))
        assert line.data == msgspec.to_builtins(same)
