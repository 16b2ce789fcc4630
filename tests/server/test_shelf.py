"""The folder with all recordings: which of them are too old."""

import os
import time
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
