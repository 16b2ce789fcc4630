"""The commands that start the server's other processes.

The settings are passed in a file that only its owner can read: some are secret, and every user of
a machine can see the command lines of its processes.
"""

import fcntl
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from server.config import Config


@contextmanager
def scratch() -> Iterator[Path]:
    """A temporary folder for the settings and sockets of processes. Systems remove old temporary
    files; it is locked, so that they leave this alone (systemd's tmpfiles.d(5))."""
    with tempfile.TemporaryDirectory(prefix="tolk-") as name:
        folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(folder)


def worker(config: Config, folder: Path) -> list[str]:
    """The command of an interpreter. Writes its settings into ``folder``."""
    return _command(config, folder / "worker.json", "worker")


def edge(config: Config, folder: Path, number: int) -> list[str]:
    """The command of the further media process ``number``. Writes its settings into ``folder``."""
    port, media_port = (
        each + number if each > 0 else each for each in (config.port, config.media_port)
    )
    own = msgspec.structs.replace(config, port=port, media_port=media_port, media_processes=1)
    return _command(own, folder / f"edge-{number}.json", "media")


def fetch(config: Config, folder: Path) -> list[str]:
    """The command that fetches the models that suit this machine. Writes its settings into
    ``folder``."""
    return _command(config, folder / "fetch.json", *("models", "pull", "--recommended", "--json"))


def _command(config: Config, file: Path, *words: str) -> list[str]:
    config = msgspec.structs.replace(config, bus="", bus_credentials="", roles=[])  # not theirs
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as settings:
        settings.write(msgspec.json.encode(config))
    return [sys.executable, "-m", "server", *words, "--settings", str(file)]
