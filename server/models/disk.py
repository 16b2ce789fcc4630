"""What models need of a disk: room, checksums, and changes that are there whole or not at all."""

import ctypes
import errno
import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

#: Left free on the disk.
SPARE_BYTES: Final = 64 << 20
#: Of renameat2(2): two names change places at once.
_EXCHANGE: Final = 2
_AT_FDCWD: Final = -100


class FetchError(Exception):
    """Something could not be had. Says what, from where, why, and what to do."""


class Missing(FetchError):
    """The server has no such file."""


class Unreachable(FetchError):
    """The server could not be spoken to at all."""


class NotHad(FetchError):
    """A model that no source gave; ``problems``: what each said."""

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        super().__init__(name, problems)
        self.name, self.problems = name, problems

    def __str__(self) -> str:
        return f"{self.name} could not be had. {'; '.join(self.problems)}"


def check_free(folder: Path, needed: int) -> None:
    """Raises FetchError where the disk of ``folder`` has no room for ``needed`` bytes."""
    free = shutil.disk_usage(folder).free
    if needed + SPARE_BYTES > free:
        raise FetchError(
            f"{folder} has {free / 1e6:,.0f} MB free, {needed / 1e6:,.0f} MB are needed; make room "
            "or name another folder"
        )


def disk_error(path: Path, error: OSError) -> FetchError:
    """What to say of a file that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return FetchError(f"{path} cannot be written: {error.strerror}; make room and pull again")
    return FetchError(
        f"{path} cannot be written: {error.strerror or error}; make its folder writable, or name "
        "another with --state or --to"
    )


def digest(path: Path, name: str = "sha256") -> str:
    """The checksum of a file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, name).hexdigest()


def sync(path: Path) -> None:
    """Have what was written on the disk itself. Raises OSError."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Have all of a folder on the disk itself, its names last. Raises OSError."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            sync(path)
        else:
            _sync_names(path)
    _sync_names(folder)


def replace_folder(new: Path, target: Path) -> None:
    """``new`` becomes ``target``; whoever looks sees the old one whole or the new one whole. What
    was there before is then in ``new``. Raises OSError."""
    sync_folder(new)
    if target.exists():
        _exchange(new, target)
    else:
        os.rename(new, target)
    _sync_names(target.parent)


def _exchange(one: Path, other: Path) -> None:
    """The two folders change places; at once where the system can, which Linux does."""
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
