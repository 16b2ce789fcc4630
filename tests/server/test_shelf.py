"""The folder with all recordings: which are too old, and that one in trouble is no other's."""

import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.recording import shelf

DAY_S = 86_400


def put(folder: Path, begun_s: float, *written_s: float) -> str:
    """A recording with this begin in its name, and a file for each time; returns its name."""
    name = shelf.name_of("hall", datetime.fromtimestamp(begun_s, UTC))
    (folder / name).mkdir()
    for number, at_s in enumerate(written_s):
        file = folder / name / f"{number}.ogg"
        file.write_bytes(b"sound")
        os.utime(file, (at_s, at_s))
    return name


# The last is no date that Python knows.
@pytest.mark.parametrize("written_days_ago", [0, 29, -999_999_999])
def test_what_was_written_lately_is_kept_whatever_the_clock_said_at_its_begin(
    tmp_path: Path, written_days_ago: int
) -> None:
    now_s = time.time()
    behind_s = now_s - 400 * DAY_S
    name = put(tmp_path, behind_s, behind_s, now_s - written_days_ago * DAY_S)
    assert shelf.remove_older(tmp_path, 30, ()) == 0
    assert [kept.folder.name for kept in shelf.listed(tmp_path)] == [name]


def test_what_began_lately_is_kept_whatever_its_files_say(tmp_path: Path) -> None:
    now_s = time.time()
    put(tmp_path, now_s - 29 * DAY_S, 0)
    put(tmp_path, now_s - 28 * DAY_S)  # no file was written yet
    assert shelf.remove_older(tmp_path, 30, ()) == 0


def test_what_was_written_long_ago_is_removed_unless_it_runs(tmp_path: Path) -> None:
    old_s = time.time() - 31 * DAY_S
    runs, old = put(tmp_path, old_s, old_s), put(tmp_path, old_s - 9, old_s)
    assert shelf.remove_older(tmp_path, 30, {runs}) == 1
    assert not (tmp_path / old).exists()
    assert [kept.folder.name for kept in shelf.listed(tmp_path)] == [runs]


def test_one_that_cannot_be_removed_keeps_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_s = time.time() - 31 * DAY_S
    names = [put(tmp_path, old_s - each, old_s) for each in range(3)]
    own = shutil.rmtree

    def rmtree(folder: Path) -> None:
        if folder.name == names[1]:
            raise PermissionError(13, "Permission denied", str(folder))
        own(folder)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    with pytest.raises(PermissionError, match=names[1]):
        shelf.remove_older(tmp_path, 30, ())
    assert [kept.folder.name for kept in shelf.listed(tmp_path)] == [names[1]]


def test_one_that_cannot_be_read_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = time.time()
    readable, not_readable = put(tmp_path, now_s, now_s), put(tmp_path, now_s - 9, now_s)
    own = Path.iterdir

    def iterdir(folder: Path) -> Iterator[Path]:
        if folder.name == not_readable:
            raise PermissionError(13, "Permission denied", str(folder))
        return own(folder)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    assert [kept.folder.name for kept in shelf.listed(tmp_path)] == [readable]
    assert shelf.used_bytes(tmp_path) == len(b"sound")


class Killed(BaseException):
    """The server was killed."""


def test_a_transcript_that_a_kill_left_as_a_draft_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / put(tmp_path, time.time())
    line = '{"language":"en","segment":1,"revision":0,"start_ms":5,"end_ms":25,"text":"Hello."}\n'
    (folder / "captions.jsonl").write_text(line)
    own = Path.replace

    def replace(draft: Path, file: Path) -> Path:
        if file.name == "en.vtt":
            raise Killed
        return own(draft, file)

    with monkeypatch.context() as killed:
        killed.setattr(Path, "replace", replace)
        with pytest.raises(Killed):
            shelf.finish(tmp_path, ())
    assert len(list(folder.iterdir())) == 4  # the draft is there
    shelf.finish(tmp_path, ())
    names = {each.name for each in folder.iterdir()}
    assert names == {"captions.jsonl", "en.vtt", "en.srt", "en.txt"}
