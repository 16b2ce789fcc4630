"""Recordings of a stream: what is written, and who is told."""

import asyncio
import re
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from server.app import Server
from server.client.participants import Listener, Speaker, Talker
from server.media.opus import RATE_HZ, Pcm
from server.recording import writer
from server.streams.live_stream import LiveStream
from signaling import messages as wire
from tests.browser.serving import ServerProcess
from tests.helpers.recorded import ends_ms, lines, only, sound
from tests.helpers.running import STAND_IN, final, power, tolk, tone
from tests.helpers.waiting import until
from tests.helpers.whip import Words, joined

BOTH = ["audio", "text"]
TEXTS = {
    "captions.jsonl",
    *(f"{language}.{ending}" for language in ("nl", "en") for ending in ("vtt", "srt", "txt")),
}
LOW = tone(300)
#: How far the sound of a channel and its captions may be apart.
APART_MS = 25
#: What a kill may cost.
LOST_S = 5.0


@asynccontextmanager
async def talk(url: str, words: int = 1) -> AsyncIterator[tuple[Speaker, Listener]]:
    """A speaker who has said some words, and a listener who has read them in English."""
    async with (
        Listener(url, "hall", "en", captions=["en"], audio="socket") as listener,
        Speaker(url, "hall", "nl", audio="socket") as speaker,
    ):
        for _ in range(words):
            since = len(listener.received)
            await speaker.play(LOW)
            await listener.expect(wire.Caption, final("en", "low"), since=since)
        yield speaker, listener


def hang_until(event: threading.Event, begun: threading.Event | None = None) -> Callable[[], None]:
    """A job that a disk does not finish before ``event``. ``begun`` is set when it begins."""

    def job() -> None:
        if begun is not None:
            begun.set()
        event.wait(30)

    return job


def live_of(server: Server) -> LiveStream:
    return server.live.of(server.manager.streams["hall"])


def words_begun(server: Server) -> float:
    """How many words the English voice has begun to say."""
    name, labels = "tolk_ear_voice_span_seconds_count", {"language": "en"}
    return server.metrics.registry.get_sample_value(name, labels) or 0


def is_stopped(state: wire.State) -> bool:
    return not state.recording and state.state == "live"


async def test_channels_and_captions_are_recorded_on_one_time_line(tmp_path: Path) -> None:
    async with tolk(tmp_path, STAND_IN, record=BOTH) as server:
        async with talk(server.url, 3) as (speaker, listener):
            await until(lambda: words_begun(server) == 3)
            await speaker.play(tone(300, 0, 1.0))  # until the last word is said in English too
            assert listener.joined.recording == speaker.joined.recording == BOTH
    folder = only(tmp_path / "recordings")
    assert {file.name for file in folder.iterdir()} == {"en.ogg", "floor.ogg", *TEXTS}
    assert (folder / "en.txt").read_text() == "low\nlow\nlow\n"
    said = lines(folder)
    recognised = [line for line in said if line.get("source")]
    assert [(line["language"], line["text"]) for line in recognised] == [("nl", "laag")] * 3
    floor, english = sound(folder / "floor.ogg"), sound(folder / "en.ogg")
    # A busy machine tears some words apart, hardly all of them.
    told, heard = [line["end_ms"] for line in recognised], ends_ms(floor)
    assert min(abs(at - each) for at in told for each in heard) < APART_MS
    assert told_apart_ms(folder, english) < APART_MS
    assert power(floor, 300) > 0.5
    assert power(english, 700) > 0.5
    assert abs(len(floor) - len(english)) < RATE_HZ // 5


def told_apart_ms(folder: Path, english: Pcm) -> float:
    """How far the English subtitles and what is heard in the English channel are apart."""
    shown = re.findall(r"([\d:.]+) --> ([\d:.]+)\nlow", (folder / "en.vtt").read_text())
    starts, ends = (
        [float(time[-6:]) * 1000 + int(time[-9:-7]) * 60_000 for time in times]
        for times in zip(*shown, strict=True)
    )
    last = [line for line in lines(folder) if line["language"] == "en"]
    assert starts == [line["heard_start_ms"] for line in last]
    length_ms = len(english) * 1000 / RATE_HZ
    begun = [length_ms - at for at in ends_ms(english[::-1])]
    told: list[float] = [line["heard_end_ms"] for line in last]
    assert len(starts) == len(ends) == 3
    off_ms: float = max(
        max(min(abs(at - each) for each in begun) for at in starts),
        max(min(abs(at - each) for each in ends_ms(english)) for at in told),
    )
    return off_ms


async def test_what_was_said_just_before_the_end_is_recorded(tmp_path: Path) -> None:
    async with tolk(tmp_path, STAND_IN, record=BOTH) as server:
        async with talk(server.url) as (speaker, listener):
            since = len(listener.received)
            await speaker.play(tone(1000, 0.6, 0.1))
            await speaker.send(wire.End())
            await listener.expect(wire.Caption, final("en", "high"), since=since)
            live = live_of(server)
            await until(lambda: not live.recorder.is_running, 20)
        folder = only(tmp_path / "recordings")
        said = {(each["language"], each["text"]) for each in lines(folder)}
        assert said == {("nl", "laag"), ("en", "low"), ("nl", "hoog"), ("en", "high")}
        assert power(sound(folder / "en.ogg")[-2 * RATE_HZ :], 1500) > 0.1


async def test_programs_without_messages_are_told_by_a_header(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, STAND_IN, record=["audio"]) as server,
        aiohttp.ClientSession(server.url) as http,
        joined(http, "/whip/hall?language=nl", Words()) as publisher,
        joined(http, "/whep/hall") as player,
    ):
        told = [publisher.headers, player.headers]
        for address in ("/listen/hall/floor.ogg", "/captions/hall/nl.vtt"):
            async with http.head(address) as response:
                told.append(response.headers)
        assert [headers["Tolk-Recording"] for headers in told] == ["audio"] * 4
        server.context.recordings.ask("hall", [])
        async with http.head("/listen/hall/floor.ogg") as response:
            assert "Tolk-Recording" not in response.headers


async def test_text_alone_is_recorded_and_nothing_of_who_talks_alone(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, STAND_IN, record=["text"]) as server,
        talk(server.url),
        Talker(server.url, "nl", "en") as alone,
    ):
        assert alone.joined.recording == []
        await alone.play(LOW)
        await alone.expect(wire.Caption, final("en", "low"))
    folder = only(tmp_path / "recordings")
    assert {file.name for file in folder.iterdir()} == TEXTS
    assert [line["text"] for line in lines(folder)] == ["laag", "low"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


async def test_nothing_is_written_unless_it_is_asked_for(tmp_path: Path) -> None:
    """All that the server's processes may write to is below one folder here."""
    (tmp_path / "tmp").mkdir()
    process = ServerProcess(tmp_path, module="tests.helpers.staged")
    with pytest.MonkeyPatch.context() as environment:
        for name in ("TMPDIR", "HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
            environment.setenv(name, str(tmp_path / "tmp"))
        process.start()
    try:
        before = files_below(tmp_path)
        async with talk(process.url, 2):
            assert files_below(tmp_path) == before
    finally:
        process.kill()
    assert all(b"laag" not in file.read_bytes() for file in files_below(tmp_path))


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


async def test_a_kill_costs_seconds_at_most(tmp_path: Path) -> None:
    process = ServerProcess(tmp_path, "--record", "audio,text", module="tests.helpers.staged")
    process.start()
    loop = asyncio.get_running_loop()
    async with talk(process.url, 1) as (speaker, _):
        begun = loop.time()
        await speaker.play(tone(300, 6.0, 0))
        process.kill()
        spoken_s = loop.time() - begun
    folder = only(tmp_path / "recordings")
    for name in ("floor.ogg", "en.ogg"):
        assert len(sound(folder / name)) / RATE_HZ > spoken_s - LOST_S
    assert [line["text"] for line in lines(folder)] == ["laag", "low"]


async def test_a_file_that_cannot_grow_ends_the_recording_only(tmp_path: Path) -> None:
    options = ("--record", "audio,text", "--most-bytes", "8000")
    process = ServerProcess(tmp_path, *options, module="tests.helpers.staged")
    process.start()
    try:
        async with talk(process.url) as (speaker, listener):
            speaking = asyncio.create_task(speaker.play(tone(300, 4.0)))
            await listener.expect(wire.State, is_stopped)
            await speaking
            since = len(listener.received)
            await speaker.play(LOW)
            await listener.expect(wire.Caption, final("en", "low"), since=since)
    finally:
        process.kill()
    assert "the recording of 'hall' has stopped" in (tmp_path / "server.log").read_text()
    assert len(sound(only(tmp_path / "recordings") / "floor.ogg"))


@pytest.mark.parametrize("what", ["no folder", "limit", "vanished", "slow"])
async def test_trouble_ends_the_recording_and_is_told(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings: dict[str, Any] = {"record": BOTH}
    if what == "no folder":
        (tmp_path / "file").touch()
        settings["record_folder"] = str(tmp_path / "file" / "recordings")
    elif what == "limit":
        settings["record_limit_gb"] = 2e-6
    elif what == "slow":
        monkeypatch.setattr(writer, "MOST_JOBS", 2)
    hang = threading.Event()
    async with tolk(tmp_path, STAND_IN, **settings) as server, talk(server.url) as (speaker, them):
        recorder = live_of(server).recorder
        if what == "slow":
            server.context.recordings.put(hang_until(hang))
        elif what == "vanished":
            await until((tmp_path / "recordings").exists)
            await until(lambda: server.metrics.recording_counts.bytes > 0)
            shutil.rmtree(tmp_path / "recordings")
        await speaker.play(tone(300, 1.0))
        await them.expect(wire.State, is_stopped)
        await speaker.expect(wire.State, is_stopped)
        since = len(them.received)
        await speaker.play(LOW)
        await them.expect(wire.Caption, final("en", "low"), since=since)
        hang.set()
    assert recorder.problem and not recorder.is_running
    assert server.metrics.recording_counts.stopped == 1
    assert server.metrics.recording_counts.running == 0
    assert what != "slow" or server.metrics.recording_counts.dropped
    assert recorder.problem in caplog.text


async def test_what_cannot_begin_as_the_disk_hangs_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MOST_JOBS", 2)
    hang, hangs = threading.Event(), threading.Event()
    async with (
        tolk(tmp_path, STAND_IN, record=BOTH) as server,
        Speaker(server.url, "hall", "nl", audio="socket") as speaker,
    ):
        server.context.recordings.put(hang_until(hang, hangs))
        await until(hangs.is_set)  # no further job is taken
        while server.context.recordings.put(hang_until(hang)):
            pass
        await speaker.play(LOW)
        await speaker.expect(wire.State, is_stopped)
        live = live_of(server)
        assert live.recorder.problem and not live.recorder.is_running
        live.recorder.asked()  # an operator tries again, with as little success
        await speaker.play(LOW)
        await until(lambda: server.metrics.recording_counts.stopped == 2)
        assert live.recorder.problem and not live.recorder.is_running
        hang.set()
    assert not (tmp_path / "recordings").exists()
