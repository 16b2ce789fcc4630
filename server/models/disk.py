"""Disk operations for models: checks of free space, checksums, and atomic changes."""

import ctypes
import errno
import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

#: This much stays free on the disk.
SPARE_BYTES: Final = 64 << 20
#: A flag of renameat2(2): exchange two names atomically.
_EXCHANGE: Final = 2
_AT_FDCWD: Final = -100


class FetchError(Exception):
    """A model could not be fetched or installed. Says what, from where, why, and what to do."""


class Missing(FetchError):
    """The server does not have the file."""


class Unreachable(FetchError):
    """No connection to the server was possible."""


class NotHad(FetchError):
    """No source provided the model. ``problems``: the error of each source."""

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        super().__init__(name, problems)
        self.name, self.problems = name, problems

    def __str__(self) -> str:
        return f"{self.name} could not be fetched. {'; '.join(self.problems)}"


def check_free(folder: Path, needed: int) -> None:
    """Raises FetchError if the disk of ``folder`` has no room for ``needed`` bytes."""
    free = shutil.disk_usage(folder).free
    if needed + SPARE_BYTES > free:
        raise FetchError(
            f"{folder} has {free / 1e6:,.0f} MB free, {needed / 1e6:,.0f} MB are needed; make room "
            "or give another folder"
        )


def disk_error(path: Path, error: OSError) -> FetchError:
    """The error for a file that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return FetchError(f"{path} cannot be written: {error.strerror}; make room and pull again")
    return FetchError(
        f"{path} cannot be written: {error.strerror or error}; make its folder writable, or give "
        "another with --state or --to"
    )


def digest(path: Path, name: str = "sha256") -> str:
    """The checksum of a file, by the hash function ``name``. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, name).hexdigest()


def sync(path: Path) -> None:
    """Wait until the file is on the disk (fsync). Raises OSError."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until a folder with all its files is on the disk, the names last. Raises OSError."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            sync(path)
        else:
            _sync_names(path)
    _sync_names(folder)


def replace_folder(new: Path, target: Path) -> None:
    """Replace the folder ``target`` by ``new``, atomically: a reader sees either the old one or the
    new one. The old one is then at the path ``new``. Raises OSError."""
    sync_folder(new)
    if target.exists():
        _exchange(new, target)
    else:
        os.rename(new, target)
    _sync_names(target.parent)


def _exchange(one: Path, other: Path) -> None:
    """Exchange two folders: atomically if the system can, as Linux can."""
    exchange = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    names = os.fsencode(one), os.fsencode(other)
    if exchange and not exchange(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE):
        return
    aside = one.with_name(one.name + ".old")
    os.rename(other, aside)
    os.rename(one, other)
    os.rename(aside, one)


def _sync_names(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
