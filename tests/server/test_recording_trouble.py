"""Recordings where nobody speaks, or where the disk fails at their end or elsewhere."""

import asyncio
import contextlib
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from server.client.participants import Speaker
from server.media.opus import RATE_HZ
from server.recording import recorder, shelf, transcript
from server.recording.files import Batch, Line
from server.recording.recordings import Recordings
from tests.helpers.recorded import only
from tests.helpers.running import STAND_IN, tolk, tone
from tests.helpers.waiting import until

WORD = Line("en", 1, 0, 0, 500, "low", source=True)


async def test_a_speaker_who_says_nothing_ends_a_recording_and_begins_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "IDLE_S", 2.0)
    async with (
        tolk(tmp_path, STAND_IN, record=["audio"]) as server,
        Speaker(server.url, "hall", "nl", audio="socket") as speaker,
    ):
        live = server.live.of(server.manager.streams["hall"])
        await speaker.play(tone(300))
        await until(lambda: live.recorder.is_running)
        silence = asyncio.create_task(speaker.play(np.zeros(60 * RATE_HZ, np.int16)))
        await until(lambda: not live.recorder.is_running, 30)
        ended_ms = live.now_ms
        await until(lambda: live.now_ms > ended_ms + 500)  # it is silent still
        assert not silence.done()
        only(tmp_path / "recordings")
        silence.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await silence


async def test_an_end_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def write(folder: Path) -> None:
        raise OSError(28, "No space left on device", str(folder))

    monkeypatch.setattr(transcript, "write", write)
    recordings, told = Recordings(tmp_path, ["text"]), list[str]()
    recording = recordings.begin("hall", 0, told.append)
    recording.append(Batch([WORD]))
    recording.close()
    await recordings.close()
    assert recordings.counts.stopped == 1
    assert "the end of a recording of 'hall' could not be written" in caplog.text
    assert "No space left" in caplog.text
    assert not told  # the next one may run already


async def test_transcripts_are_finished_where_old_recordings_cannot_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def rmtree(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    first = Recordings(tmp_path, ["text"])
    first.begin("hall", 0, print).append(Batch([WORD]))
    await first.close()  # as a kill leaves it
    (tmp_path / shelf.name_of("hall", datetime(2020, 1, 1, tzinfo=UTC))).mkdir()
    monkeypatch.setattr(shutil, "rmtree", rmtree)
    again = Recordings(tmp_path, ["text"], days=30)
    again.tidy()
    await again.close()
    assert "recordings cannot be removed" in caplog.text
    assert len(list(tmp_path.glob("*/en.vtt"))) == 1
