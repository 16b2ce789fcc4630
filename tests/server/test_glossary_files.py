import os
from pathlib import Path

import pytest

from server.streams.glossary_files import GlossaryFiles


def kept(files: GlossaryFiles) -> list[tuple[str, bytes]]:
    return [(each.stream, each.data) for each in files.read()]


async def test_what_was_put_is_found_until_it_is_dropped(tmp_path: Path) -> None:
    files = GlossaryFiles(tmp_path / "state" / "glossaries", most=5)
    assert kept(files) == []
    await files.keep("hall", b"1")
    await files.keep("hall", b"2")
    assert kept(GlossaryFiles(tmp_path / "state" / "glossaries", most=5)) == [("hall", b"2")]
    await files.drop("hall")
    await files.drop("hall")
    assert kept(files) == []


async def test_nobody_else_on_the_machine_can_read_it(tmp_path: Path) -> None:
    await GlossaryFiles(tmp_path / "glossaries", most=5).keep("hall", b"1")
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "glossaries").rglob("*")]
    assert modes == [0o600]
    assert (tmp_path / "glossaries").stat().st_mode & 0o777 == 0o700


async def test_the_newest_are_kept(tmp_path: Path) -> None:
    files = GlossaryFiles(tmp_path, most=2)
    for second, stream in enumerate(("first", "second", "third")):
        await files.keep(stream, b"{}")
        os.utime(tmp_path / f"{stream}.json", (second, second))
    await files.keep("first", b"again")
    assert kept(files) == [("third", b"{}"), ("first", b"again")]


async def test_what_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    files = GlossaryFiles(tmp_path, most=5)
    await files.keep("hall", b"1")
    (tmp_path / "annex.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        await files.keep("annex", b"2")
    assert kept(files) == [("hall", b"1")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["annex.json", "hall.json"]
