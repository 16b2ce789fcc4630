"""Control groups (version 1), which give a server less than the whole machine."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path("/sys/fs/cgroup")
NAME: Final = "tolk-chaos"


@contextlib.contextmanager
def group(controller: str) -> Iterator[Path | None]:
    """The folder of a new group, which is removed on leaving; None without the right to make
    one."""
    made = ROOT / controller / NAME
    try:
        made.mkdir()
    except OSError:
        yield None
        return
    try:
        yield made
    finally:
        with contextlib.suppress(OSError):
            made.rmdir()


@contextlib.contextmanager
def started_in(folder: Path) -> Iterator[None]:
    """Processes that are started while the body runs are in this group."""
    _move_to(folder)
    try:
        yield
    finally:
        _move_to(folder.parent)


def _move_to(folder: Path) -> None:
    """Put this process into a group."""
    (folder / "cgroup.procs").write_text(str(os.getpid()))
