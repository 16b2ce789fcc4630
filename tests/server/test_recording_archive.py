"""What operators do with recordings over HTTP: switch, list, get and delete them."""

import asyncio
import contextlib
import io
import os
import threading
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from server.app import Server
from server.client.participants import Listener, Speaker
from server.recording import shelf
from signaling import messages as wire
from tests.helpers.running import STAND_IN, tolk, tone
from tests.helpers.waiting import until

BEGUN = datetime(2026, 11, 29, 9, 30, tzinfo=UTC)
NAME = "hall_2026-11-29T09-30-00Z"
LINES = (
    b'{"language":"en","segment":1,"revision":0,"start_ms":500,"end_ms":2500,"text":"Hello."}\n'
    b'{"language":"en","segment":2,"revision":0,"start_ms":3000,"end_ms":3100,"text":"Yes & no."}\n'
    b'{"language":"en","segment":1,"revision":1,"start_ms":500,"end_ms":2500,"text":"Hello!"}\n'
    b'{"language":"en","segment":3,"revi'
)
OF_HALL = "/api/streams/hall/recordings"
SWITCH = "/api/streams/hall/recording"


def put(state: Path, name: str, lines: bytes = LINES, sound: bytes = bytes(range(250))) -> Path:
    """A recording, as a killed server leaves it."""
    folder = state / "recordings" / name
    folder.mkdir(parents=True)
    (folder / "captions.jsonl").write_bytes(lines)
    (folder / "floor.ogg").write_bytes(sound)
    return folder


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    put(tmp_path, NAME)
    put(tmp_path, "other_2026-11-29T09-30-00Z")
    (tmp_path / "recordings" / "mine").mkdir()
    async with tolk(tmp_path, STAND_IN, ready=False, speak_token="required") as running:
        await until((tmp_path / "recordings" / NAME / "en.txt").exists)
        yield running


def operator(server: Server, stream: str = "hall") -> dict[str, str]:
    token = server.access.issue(stream=stream, operate=True, valid_s=60)
    return {"Authorization": f"Bearer {token}"}


async def test_what_a_kill_left_gets_its_transcripts(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "recordings" / NAME
    assert (folder / "en.txt").read_text() == "Hello!\nYes & no.\n"
    assert "00:00:00,500 --> 00:00:02,500\nHello!" in (folder / "en.srt").read_text()
    assert "00:00:03.000 --> 00:00:04.200\nYes &amp; no." in (folder / "en.vtt").read_text()


def test_damaged_lines_are_left_out_and_later_recordings_are_finished(tmp_path: Path) -> None:
    whole = LINES.splitlines()[1]
    other = [put(tmp_path, f"hall_2026-11-29T09-30-0{second}Z", whole) for second in range(1, 4)]
    damaged = whole.replace(b"Yes", b"\xff\xfe")
    (other[0] / "captions.jsonl").write_bytes(damaged + b"\n" + whole)
    (other[1] / "captions.jsonl").write_bytes(whole.replace(b'"en"', b'"e/n"'))  # no file's name
    with pytest.raises(OSError, match="e/"):
        shelf.finish(tmp_path / "recordings", ())
    assert (other[0] / "en.txt").read_text() == (other[2] / "en.txt").read_text() == "Yes & no.\n"


def test_transcripts_that_a_full_disk_cut_short_are_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = LINES + LINES.replace(b'"en"', b'"nl"')
    folder = put(tmp_path, NAME, two)
    wanted = {f"{language}.{each}" for language in ("en", "nl") for each in ("vtt", "srt", "txt")}
    own = Path.replace
    for most in range(len(wanted) + 1):
        left = [None] * most

        def replace(draft: Path, file: Path, left: list[None] = left) -> Path:
            if not left:
                raise OSError("No space left on device")
            left.pop()
            return own(draft, file)

        for each in wanted:
            (folder / each).unlink(missing_ok=True)
        with monkeypatch.context() as full, contextlib.suppress(OSError):
            full.setattr(Path, "replace", replace)
            shelf.finish(tmp_path / "recordings", ())
        assert len(wanted & {each.name for each in folder.iterdir()}) == most
        shelf.finish(tmp_path / "recordings", ())
        assert wanted <= {each.name for each in folder.iterdir()}


async def test_recordings_are_listed_and_got(server: Server, http: aiohttp.ClientSession) -> None:
    async with http.get(OF_HALL, headers=operator(server)) as response:
        (kept,) = (await response.json())["recordings"]
    assert (kept["name"], kept["stream"], kept["running"]) == (NAME, "hall", False)
    assert datetime.fromisoformat(kept["begun"]) == BEGUN
    assert kept["files"]["floor.ogg"] == 250
    async with http.get("/api/recordings", headers=operator(server, "*")) as response:
        names = [kept["name"] for kept in (await response.json())["recordings"]]
    assert names == [NAME, "other_2026-11-29T09-30-00Z"]
    whole = bytes(range(250))
    address = f"{OF_HALL}/{NAME}/floor.ogg"
    for asked, status, expected in (
        ("", 200, whole),
        ("bytes=10-19", 206, whole[10:20]),
        ("bytes=-5", 206, whole[-5:]),
        ("bytes=200-", 206, whole[200:]),
        ("bytes=250-", 416, None),
        ("bytes=2-1", 416, None),
    ):
        headers = operator(server) | ({"Range": asked} if asked else {})
        async with http.get(address, headers=headers) as response:
            assert response.status == status, asked
            assert expected is None or await response.read() == expected
    async with http.head(address, headers=operator(server)) as response:
        assert response.content_length == 250


async def test_all_files_come_in_a_zip(
    server: Server, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    sound = os.urandom(300_000)
    (tmp_path / "recordings" / NAME / "floor.ogg").write_bytes(sound)
    token = operator(server)["Authorization"].removeprefix("Bearer ")
    async with http.get(f"{OF_HALL}/{NAME}.zip?token={token}") as response:
        archive = zipfile.ZipFile(io.BytesIO(await response.read()))
    assert archive.testzip() is None
    assert archive.read(f"{NAME}/floor.ogg") == sound
    assert len(archive.namelist()) == 5


@pytest.mark.parametrize(("begun", "shown"), [("1970-01-01", 1980), ("2200-02-03", 2107)])
async def test_a_recording_with_a_wrong_clock_comes_in_a_zip(
    server: Server, http: aiohttp.ClientSession, tmp_path: Path, begun: str, shown: int
) -> None:
    name = f"hall_{begun}T00-05-00Z"
    put(tmp_path, name)
    async with http.get(f"{OF_HALL}/{name}.zip", headers=operator(server)) as response:
        archive = zipfile.ZipFile(io.BytesIO(await response.read()))
    assert archive.testzip() is None
    assert {each.date_time[0] for each in archive.infolist()} == {shown}


async def test_a_recording_is_deleted(
    server: Server, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    for status in (204, 404):
        async with http.delete(f"{OF_HALL}/{NAME}", headers=operator(server)) as response:
            assert response.status == status
    left = {each.name for each in (tmp_path / "recordings").iterdir()}
    assert left == {"other_2026-11-29T09-30-00Z", "mine"}


async def test_it_is_deleted_after_its_last_files_are_written(
    server: Server, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    folder = tmp_path / "recordings" / NAME
    begun, goes_on = threading.Event(), threading.Event()

    def write() -> None:
        begun.set()
        goes_on.wait(10)
        (folder / "nl.txt").write_text("The last transcript.")

    server.context.recordings.put(write)
    await until(begun.is_set)

    async def delete() -> int:
        async with http.delete(f"{OF_HALL}/{NAME}", headers=operator(server)) as response:
            return response.status

    deleted = asyncio.create_task(delete())
    done, _ = await asyncio.wait([deleted], timeout=0.3)
    assert not done and folder.exists()
    goes_on.set()
    assert await deleted == 204
    assert not folder.exists()


async def test_others_get_nothing(
    server: Server, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    issue = server.access.issue
    speaker = {"Authorization": f"Bearer {issue(speak=True, take_over=True, valid_s=60)}"}
    elsewhere = operator(server, "other")
    paths = (OF_HALL, f"{OF_HALL}/{NAME}.zip", f"{OF_HALL}/{NAME}/floor.ogg", "/api/recordings")
    for path in paths:
        for headers, status in (({}, 401), (speaker, 403), (elsewhere, 403)):
            async with http.get(path, headers=headers) as response:
                assert response.status == status, path
    for headers in ({}, speaker, elsewhere):
        async with http.delete(f"{OF_HALL}/{NAME}", headers=headers) as response:
            assert response.status in (401, 403)
        async with http.put(SWITCH, data='{"recording": ["text"]}', headers=headers) as response:
            assert response.status in (401, 403)
    for path in ("mine", "..", f"{NAME}/..%2F..%2Fsecret", f"{NAME}/%2E%2E", "a_b"):
        for ending in ("", ".zip", "/floor.ogg"):
            async with http.get(f"{OF_HALL}/{path}{ending}", headers=operator(server)) as response:
                assert response.status in (404, 405), path
    of_another = f"{OF_HALL}/other_2026-11-29T09-30-00Z"
    async with http.delete(of_another, headers=operator(server)) as response:
        assert response.status == 404
    assert (tmp_path / "recordings" / NAME / "floor.ogg").exists()


async def test_an_operator_switches_it_and_cannot_delete_what_runs(
    server: Server, http: aiohttp.ClientSession
) -> None:
    token = server.access.issue(speak=True, valid_s=60)
    await until(lambda: server.supervisor.ready, 30)
    async with (
        Speaker(server.url, "hall", "nl", token=token, audio="socket") as speaker,
        Listener(server.url, "hall", audio="none") as listener,
    ):
        assert listener.joined.recording == []
        for body, status in (('{"recording": ["film"]}', 400), ("", 400), ("[]", 400)):
            async with http.put(SWITCH, data=body, headers=operator(server)) as response:
                assert response.status == status
                assert "audio" in await response.text() or not body
        on = '{"recording": ["audio", "text"]}'
        async with http.put(SWITCH, data=on, headers=operator(server)) as response:
            assert response.status == 200
        for person in (speaker, listener):
            await person.expect(wire.State, lambda state: state.recording == ["audio", "text"])
        await speaker.play(tone(300))
        await until(lambda: any(each.name for each in server.context.recordings.running))
        (running,) = server.context.recordings.running
        address = f"{OF_HALL}/{running.name}"
        async with http.delete(address, headers=operator(server)) as response:
            assert response.status == 409
        async with http.get(SWITCH) as response:
            known = await response.json()
            assert known == {"recording": ["audio", "text"], "running": True}
        async with http.put(SWITCH, data='{"recording": []}', headers=operator(server)) as response:
            assert await response.json() == {"recording": [], "running": False, "problem": ""}
        await listener.expect(wire.State, lambda state: not state.recording)
        async with http.delete(address, headers=operator(server)) as response:
            assert response.status == 204


async def test_old_recordings_are_removed(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    begun = [now - timedelta(days=days) for days in (1, 3, 30)]
    names = [shelf.name_of("hall", each) for each in begun]
    for name, each in zip(names, begun, strict=True):
        for file in put(tmp_path, name).iterdir():
            os.utime(file, (each.timestamp(), each.timestamp()))
    (tmp_path / "recordings" / "mine").mkdir()
    async with tolk(tmp_path, STAND_IN, ready=False, record_days=2.0):
        await until(lambda: len(list((tmp_path / "recordings").iterdir())) == 2)
        left = {each.name for each in (tmp_path / "recordings").iterdir()}
    assert left == {names[0], "mine"}
