"""A folder of fetched models. Each is there completely, or not at all.

A model is ``ROOT/NAME/`` with its files and ``installed.json``, which describes it and has the
checksum of each file. It is prepared in ``ROOT/.pulling/NAME/`` (staging) and becomes visible by a
rename. ``ROOT/pins.json`` has the checksums of files whose source publishes none, as first seen.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from server.decoding import understood
from server.interpretation.engines import ModelError
from server.models.catalogue import Model
from server.models.disk import FetchError, digest, disk_error, replace_folder, sync

RECORD: Final = "installed.json"
PINS: Final = "pins.json"
PULLING: Final = ".pulling"
LOCK: Final = ".lock"
#: How long a second pull waits for the first one.
LOCK_WAIT_S: Final = 3600.0
LOCK_POLL_S: Final = 0.5


class Record(msgspec.Struct, frozen=True):
    """An installed model. ``sizes``: bytes by file. ``source``, ``address``: where it came from.
    ``fetched``: when, as ISO 8601."""

    model: Model
    sizes: dict[str, int]
    source: str
    address: str
    fetched: str

    @property
    def size(self) -> int:
        """The bytes of all its files."""
        return sum(self.sizes.values())


_records: Final = msgspec.json.Decoder(Record)
_pins: Final = msgspec.json.Decoder(dict[str, str])


class Store:
    """The models in the folder ``root``, which need not exist yet."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> Iterator[str]:
        """The names of its folders, models or not."""
        try:
            found = sorted(path for path in self.root.iterdir() if path.is_dir())
        except OSError:
            return
        yield from (path.name for path in found if not path.name.startswith("."))

    def record(self, name: str) -> Record | None:
        """The record of the model ``name``; None if it has none, because it was copied there by
        hand. Raises ModelError if a file is missing or has a wrong size."""
        folder = self.root / name
        try:
            record = understood(_records, (folder / RECORD).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise ModelError(
                f"{folder / RECORD} cannot be used ({error}); {_again(name)}"
            ) from error
        for file, size in record.sizes.items():
            try:
                found = (folder / file).stat().st_size
            except OSError as error:
                raise ModelError(
                    f"{folder} lacks {file} ({error.strerror}); {_again(name)}"
                ) from error
            if found != size:
                raise ModelError(
                    f"{folder / file} has {found:,} bytes, not {size:,}: it was cut or changed; "
                    f"{_again(name)}"
                )
        return record

    def verify(self, name: str) -> Record | None:
        """Like ``record``, and checks the checksums, too. Raises ModelError, OSError."""
        record = self.record(name)
        for file, expected in record.model.files.items() if record else ():
            if (found := digest(self.root / name / file)) != expected:
                raise ModelError(
                    f"{self.root / name / file} was changed: its SHA-256 is {found}, not "
                    f"{expected}; {_again(name)}"
                )
        return record

    def staging(self, name: str) -> Path:
        """The folder to prepare the model in; created if needed. Raises FetchError."""
        folder = self.root / PULLING / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise disk_error(self.root, error) from error
        return folder

    def prepare(self, folder: Path, record: Record) -> None:
        """Write the record into ``folder``, in staging. Raises FetchError."""
        try:
            (folder / RECORD).write_bytes(msgspec.json.format(msgspec.json.encode(record)))
        except OSError as error:
            raise disk_error(folder, error) from error

    def install(self, folder: Path, name: str) -> None:
        """Make ``folder``, in staging, the model ``name``; replaces an older one. Raises
        FetchError."""
        try:
            replace_folder(folder, self.root / name)
            shutil.rmtree(self.root / PULLING / name, ignore_errors=True)
        except OSError as error:
            raise disk_error(self.root / name, error) from error

    def remove(self, name: str) -> bool:
        """Remove a model. False: there is none of this name. Raises FetchError."""
        folder = self.root / name
        if name not in self.names():
            return False
        try:
            aside = self.staging(name) / "removed"
            shutil.rmtree(aside, ignore_errors=True)
            os.rename(folder, aside)
            shutil.rmtree(self.root / PULLING / name)
        except OSError as error:
            raise disk_error(folder, error) from error
        return True

    def pins(self) -> dict[str, str]:
        """The pinned SHA-256 checksums, by model and file or by address. Raises FetchError."""
        path = self.root / PINS
        try:
            return understood(_pins, path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            raise FetchError(f"{path} cannot be read ({error}); remove it") from error

    def pin(self, more: dict[str, str]) -> None:
        """Store these checksums, in addition to the others. Raises FetchError."""
        pins = self.pins()
        if more.items() <= pins.items():
            return
        path = self.root / PINS
        new = path.with_name(path.name + ".new")
        try:
            new.write_bytes(msgspec.json.format(msgspec.json.encode({**pins, **more})))
            sync(new)
            os.replace(new, path)
        except OSError as error:
            raise disk_error(path, error) from error

    @contextlib.asynccontextmanager
    async def locked(self, waiting: Callable[[], None]) -> AsyncIterator[None]:
        """Hold the lock of the folder during the block: no other process changes it. ``waiting`` is
        called once if another process holds it. Raises FetchError after LOCK_WAIT_S."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            file = (self.root / LOCK).open("a")
        except OSError as error:
            raise disk_error(self.root, error) from error
        with file:
            deadline = time.monotonic() + LOCK_WAIT_S
            told = False
            while not _taken(file.fileno()):
                if not told:
                    waiting()
                    told = True
                if time.monotonic() > deadline:
                    raise FetchError(f"another pull has been running in {self.root} for an hour")
                await asyncio.sleep(LOCK_POLL_S)
            yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _again(name: str) -> str:
    return f"fetch it again with: models pull {name}"
