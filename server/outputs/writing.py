"""Gives sound to the process that writes a target, and ends that process if it takes none."""

import contextlib
import os
import select
import subprocess
import sys
import time
from typing import Final, Self

import msgspec

from server.media.opus import Pcm
from server.outputs.target import TargetError, Wanted

#: How long the process may take nothing: while it connects, or later.
PATIENCE_S: Final = 15.0
#: How long it may take to write the file's end.
END_S: Final = 5.0


class Writing:
    """One process that writes ``wanted``; ``pid``: its number. To be closed.
    Raises TargetError, on starting and while writing."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "server.outputs.writer"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
            )
        except OSError as error:
            problem = f"{wanted.shown}: no process can be started to write it: {error.strerror}"
            raise TargetError(problem) from error
        self.pid = self._process.pid
        assert self._process.stdin is not None
        self._input = self._process.stdin
        os.set_blocking(self._input.fileno(), False)
        self._give(msgspec.json.encode(wanted) + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def write(self, pcm: Pcm) -> None:
        """Write the next sound, mono at 48 kHz. Waits until it is taken. Raises TargetError."""
        self._give(pcm.tobytes())

    def close(self) -> None:
        """Write the file's end. Raises TargetError if it cannot be written."""
        with contextlib.suppress(OSError):
            self._input.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._end()
            raise TargetError(f"{self._wanted.shown}: its end could not be written") from None
        assert self._process.stdout is not None
        said = self._process.stdout.read(10_000)
        self._process.stdout.close()
        if self._process.returncode:
            raise TargetError(said.decode(errors="replace").strip() or "its process has crashed")

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _give(self, data: bytes) -> None:
        left, deadline = memoryview(data), time.monotonic() + PATIENCE_S
        while left:
            wait_s = deadline - time.monotonic()
            if wait_s <= 0 or not select.select([], [self._input], [], wait_s)[1]:
                self._end()
                raise TargetError(f"{self._wanted.shown} takes nothing for {PATIENCE_S:g} s")
            try:
                left = left[os.write(self._input.fileno(), left) :]
            except BlockingIOError:
                continue
            except OSError:  # it has ended
                self.close()
                raise TargetError(f"{self._wanted.shown}: its process has ended") from None
