"""Captions as HLS segments."""

import asyncio
import re
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import aiohttp
import pytest

from server.app import Server
from server.client.participants import Speaker
from server.streams import hls_text
from server.streams.hls_text import LEAD_S, LISTED, READY_S, SEGMENT_S, Reader
from signaling.messages import Caption, CaptionStatus
from tests.helpers.running import tone
from tests.helpers.waiting import until

PLAYLIST = "/captions/hall/en.m3u8"


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0
        self.reader = Reader(lambda: self.now_s, lambda: round((self.now_s - 1000) * 1000))

    def says(self, segment: int, start_s: float, status: CaptionStatus = "final") -> None:
        """A line said at this time of the stream, which begins with the reader, is done now."""
        self.reader.put(
            Caption(
                stream="hall",
                language="en",
                segment=segment,
                revision=1,
                status=status,
                start_ms=round(start_s * 1000),
                end_ms=round(start_s * 1000) + 1000,
                text=f"line {segment}",
            )
        )

    def published(self) -> dict[str, float]:
        """The lines in the listed segments, and when each begins, in stream time."""
        found: dict[str, float] = {}
        for number in re.findall(r"^(\d+)$", self.reader.playlist(str), re.MULTILINE):
            data = (self.reader.segment(int(number)) or b"").decode()
            for minutes, seconds, line in re.findall(r":(\d\d):([\d.]+) --.*\n(line \d+)", data):
                assert line not in found
                found[line] = int(minutes) * 60 + float(seconds) - LEAD_S
        return found


def test_a_line_is_shown_when_it_was_said() -> None:
    clock = Clock()
    clock.now_s += 3
    clock.says(1, 1.5)
    clock.says(1, 1.5)
    clock.says(2, 2.0, "partial")
    assert clock.published() == {}
    clock.now_s += SEGMENT_S + READY_S
    assert clock.published() == {"line 1": 1.5}


def test_a_line_that_comes_late_is_not_lost() -> None:
    clock = Clock()
    clock.now_s += 30
    clock.says(1, 1.5)
    clock.now_s += SEGMENT_S + READY_S
    (begins_s,) = clock.published().values()
    assert 30 - READY_S - SEGMENT_S <= begins_s <= 30


def test_the_playlist_rolls_on_and_what_is_old_goes() -> None:
    clock = Clock()
    first = clock.reader.playlist(str)
    assert "#EXT-X-MEDIA-SEQUENCE:0\n" in first and first.count("#EXTINF") == LISTED
    for number in range(1000):
        clock.now_s += SEGMENT_S
        clock.says(number, clock.now_s - 1000)
    assert "#EXT-X-MEDIA-SEQUENCE:1000\n" in clock.reader.playlist(str)
    assert clock.reader.segment(0) is clock.reader.segment(1000 + LISTED) is None
    assert len(clock.reader._cues) < 4 * LISTED


async def test_ffmpeg_reads_what_was_said(
    server: Server,
    http: aiohttp.ClientSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """FFmpeg reads subtitles to their end before it writes any, so the playlist gets an end."""
    monkeypatch.setattr(hls_text, "READY_S", 0.5)
    monkeypatch.setattr(hls_text, "SEGMENT_S", 1.0)
    monkeypatch.setattr(hls_text, "LISTED", 20)

    async def said() -> str:
        async with http.get(PLAYLIST) as response:
            listed = (await response.text()).splitlines()
        base = f"{server.url}/captions/hall/"
        lines = [each if each.startswith("#") else base + each for each in listed]
        (tmp_path / "ended.m3u8").write_text("\n".join([*lines, "#EXT-X-ENDLIST", ""]))
        ffmpeg = await asyncio.create_subprocess_exec(
            *("ffmpeg", "-v", "error", "-protocol_whitelist", "file,http,tcp"),
            *("-i", tmp_path / "ended.m3u8", "-f", "srt", "-"),
            stdin=DEVNULL,
            stdout=PIPE,
        )
        async with asyncio.timeout(20):
            return (await ffmpeg.communicate())[0].decode()

    await said()  # somebody has to ask before
    async with Speaker(server.url, "hall", "nl") as speaker:
        await speaker.play(tone(300))
        async with asyncio.timeout(30):
            while "\nlow\n" not in (text := await said()):
                await asyncio.sleep(0.5)
    assert text.count("low") == 1 and " --> " in text


async def test_all_players_are_one_listener_who_leaves_once_nobody_asks(
    server: Server, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hls_text, "ASKED_S", 0.4)
    for _ in range(3):
        async with http.get("/captions/other/en.m3u8", params={"token": ""}) as response:
            assert response.content_type == "application/vnd.apple.mpegurl"
            listed = (await response.text()).split()
    assert len(server.manager.streams["other"].listeners) == 1
    for address, status in ((listed[-1], 200), ("en/999.vtt", 404), ("nl/1.vtt", 404)):
        async with http.get(f"/captions/other/{address}") as response:
            assert response.status == status
    await until(lambda: "other" not in server.manager.streams or not list(server.manager.sessions))
    async with http.get("/captions/other/xx.m3u8") as response:
        assert response.status == 404
