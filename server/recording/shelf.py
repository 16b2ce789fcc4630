"""The folder with all recordings: each is a folder named by its stream and its begin (UTC).

All functions wait for the disk: they are not for the event loop. Other files and folders beside
the recordings are never read or removed.
"""

import re
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from server.recording import transcript
from server.recording.files import CAPTIONS

DAY_S: Final = 86_400
_TIME: Final = "%Y-%m-%dT%H-%M-%SZ"
_NAME: Final = re.compile(
    r"(?P<stream>[A-Za-z0-9_-]{1,64})_(?P<begun>\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)(-\d{1,2})?"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A recording. ``files``: the size of each, in bytes. ``changed_s``: when it began or one of
    its files was last written, whichever is later, in seconds since 1970."""

    stream: str
    begun: datetime
    folder: Path
    files: dict[str, int]
    changed_s: float


def name_of(stream: str, begun: datetime) -> str:
    """The name of a recording's folder."""
    return f"{stream}_{begun.astimezone(UTC):{_TIME}}"


def listed(shelf: Path) -> list[Kept]:
    """All recordings, oldest first; none if there is no such folder. Raises OSError."""
    found = [kept for each in _folders(shelf) if (kept := _kept(each))]
    return sorted(found, key=lambda kept: (kept.begun, kept.folder.name))


def find(shelf: Path, name: str) -> Kept | None:
    """The recording of this name, if there is one. Raises OSError."""
    return _kept(shelf / name) if _NAME.fullmatch(name) else None


def finish(shelf: Path, but: Collection[str]) -> None:
    """Write the transcripts that recordings lack because the server was killed, or the disk was
    full. ``but``: the names of those that run. Raises OSError, after it has tried all."""
    lack = [
        kept
        for kept in listed(shelf)
        if CAPTIONS in kept.files and not transcript.is_whole(kept.files)
    ]
    _each(lambda kept: transcript.write(kept.folder), lack, but)


def used_bytes(shelf: Path) -> int:
    """The size of all recordings together. Raises OSError."""
    return sum(sum(kept.files.values()) for kept in listed(shelf))


def remove(kept: Kept) -> None:
    """Remove a recording. Raises OSError."""
    shutil.rmtree(kept.folder)


def remove_older(shelf: Path, days: float, but: Collection[str]) -> int:
    """Remove the recordings that began, and were last written, more than ``days`` ago, but not
    those with the names ``but``; returns their number. Raises OSError, after it has tried all.

    The begin alone says little: a machine may start with a clock that is months behind, and learn
    the time later."""
    before_s = time.time() - days * DAY_S
    return _each(remove, [kept for kept in listed(shelf) if kept.changed_s < before_s], but)


def _each(do: Callable[[Kept], None], found: Iterable[Kept], but: Collection[str]) -> int:
    """Do it to each that is found but those with the names ``but``; returns their number. One that
    fails keeps none of the others from it: OSError is raised at the end."""
    done, failed = 0, None
    for kept in found:
        if kept.folder.name not in but:
            try:
                do(kept)
                done += 1
            except OSError as error:
                failed = error
    if failed is not None:
        raise failed
    return done


def _folders(shelf: Path) -> Iterator[Path]:
    try:
        yield from shelf.iterdir()
    except FileNotFoundError:
        return


def _kept(folder: Path) -> Kept | None:
    match = _NAME.fullmatch(folder.name)
    if match is None or folder.is_symlink() or not folder.is_dir():
        return None
    try:
        begun = datetime.strptime(match["begun"], _TIME).replace(tzinfo=UTC)
        found = {each.name: each.stat() for each in sorted(folder.iterdir())}
    # No date; or it was removed a moment ago; or it is somebody else's: others are listed still.
    except (ValueError, FileNotFoundError, PermissionError):
        return None
    files = {name: each.st_size for name, each in found.items()}
    changed_s = max([begun.timestamp(), *(each.st_mtime for each in found.values())])
    return Kept(match["stream"], begun, folder, files, changed_s)
