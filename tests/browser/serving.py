"""A server as a process of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from server.http.access import Access, load_secret

ROOT = Path(__file__).parents[2]
READY_S = 40.0
END_S = 10.0


class ServerProcess:
    """``python -m server`` on a port of its own, which it keeps when started again, with further
    ``options``, in which "{url}" stands for its URL; or another ``module`` that takes the same
    options. ``command``: another one than serve."""

    def __init__(
        self, folder: Path, *options: str, module: str = "server", command: str = "serve"
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._log = folder / "server.log"
        self._command = [
            *(sys.executable, "-m", module, *([command] if module == "server" else [])),
            *("--port", str(self.port), "--state", str(folder)),
            *(each.replace("{url}", self.url) for each in options),
        ]
        if module == "server":  # however busy the machine is, as in helpers.staged
            self._command += ["--max-languages", "8"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + READY_S
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server does not get ready:\n{self._log.read_text()}")
            time.sleep(0.1)

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(END_S)
        finally:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """End it as a crash does: nothing of it runs any more."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def kill_interpreter(self) -> None:
        """Kill the process with the models; the server starts another."""
        assert self._process is not None
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == self._process.pid:
                    os.kill(int(process.name), signal.SIGKILL)

    def token(self, **grants: Any) -> str:
        """A token of this server's; see ``Access.issue``."""
        return Access(load_secret("", self._folder)).issue(valid_s=600, **grants)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as response:
                return bool(response.status == 200)
        except urllib.error.HTTPError as refused:
            refused.close()
            return False
        except OSError:
            return False
