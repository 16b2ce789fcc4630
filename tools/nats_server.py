"""A real NATS server on this machine, for measurements and tests."""

import errno
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from server.bus.addresses import NatsServer

READY_S: Final = 10.0
#: Debian has it there, which is not in everybody's PATH.
FOLDERS: Final = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"


class NatsProcess:
    """A NATS server with ``settings``; on the same port whenever it is started. It needs
    ``folder`` for its files. ``address``: where it listens; ``on``: what is put before its command.
    Raises FileNotFoundError if none is installed."""

    def __init__(
        self,
        folder: Path,
        *,
        address: str = "127.0.0.1",
        on: Sequence[str] = (),
        **settings: object,
    ) -> None:
        found = shutil.which("nats-server", path=FOLDERS)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, "not installed", "nats-server")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._address = address
        self._command = [*on, found, "-c", str(folder / "nats.conf")]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        given = {"host": address, "port": self.port, **settings}
        (folder / "nats.conf").write_text(json.dumps(given), encoding="utf8")

    @property
    def server(self) -> NatsServer:
        """Where it is."""
        return NatsServer(self._address, self.port, tls=False)

    @property
    def pid(self) -> int:
        """Its process, which must run."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        with (self._folder / "nats.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        deadline_s = time.monotonic() + READY_S
        while True:
            try:
                socket.create_connection((self._address, self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline_s or self._process.poll() is not None:
                    raise
                time.sleep(0.02)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def nats_server(folder: Path, **settings: Any) -> Iterator[NatsProcess]:
    """Run a NATS server; see NatsProcess."""
    process = NatsProcess(folder, **settings)
    process.start()
    try:
        yield process
    finally:
        process.kill()
