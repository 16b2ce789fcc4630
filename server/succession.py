"""A new process takes the place of this server, and its ports, and no connection is refused.

At SIGUSR2 the server starts its successor: its own command once more, which may be a newer version
by now, with other settings. The successor gets the sockets of this process. It loads its models
while this process goes on, says when they are ready, and reads the sockets once it is told that
they are its own. Meanwhile this process waits for a pause, lets what was said be heard to its end,
and leaves the sockets alone. If the successor ends before that, this process goes on.

What both say to each other goes through a pair of sockets: READY, then YOURS. If this process dies,
the sockets are the successor's, too.
"""

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack, suppress
from typing import Final, Self

from server.config import ConfigError

#: The hidden option of a successor: the numbers of its descriptors, the one for talking first.
OPTION: Final = "--handed"
READY_S: Final = 300.0
LOOK_S: Final = 0.05
READY: Final = b"r"
YOURS: Final = b"y"

_log: Final = logging.getLogger(__name__)


class SuccessorLost(Exception):
    """The successor ended, or was ended, before it was ready."""


class Successor:
    """The process that shall take this one's place, from its start on. ``sockets``: those that it
    gets. ``command``: what starts it. Raises OSError."""

    def __init__(self, command: Sequence[str], sockets: Sequence[socket.socket]) -> None:
        self._line, theirs = socket.socketpair()
        self._line.setblocking(False)
        with ExitStack() as failing, theirs:
            failing.callback(self._line.close)
            numbers = [theirs.fileno(), *(each.fileno() for each in sockets)]
            option = [OPTION, ",".join(map(str, numbers))]
            # Not asyncio's: that would end it together with the loop.
            self._process = subprocess.Popen([*command, *option], pass_fds=numbers)
            failing.pop_all()
        self._taken = False

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid

    @property
    def lives(self) -> bool:
        """Whether its process has not ended."""
        return self._process.poll() is None

    async def ready(self) -> None:
        """Wait until its models are loaded. Raises SuccessorLost, also after READY_S."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(READY_S):
                if await loop.sock_recv(self._line, 1) == READY:
                    return
        except TimeoutError:
            raise SuccessorLost(f"it was not ready within {READY_S:g} s") from None
        except OSError as error:
            raise SuccessorLost(f"it is gone: {error.strerror}") from error
        raise SuccessorLost("it ended; what it said above tells why")

    def take_over(self) -> None:
        """Tell it that the sockets are its own now."""
        self._taken = True
        with suppress(OSError):  # it learns it from our end, too
            self._line.send(YOURS)

    def close(self) -> None:
        """End it, unless it has taken over."""
        self._line.close()
        if not self._taken:
            self._process.terminate()
        # It outlives us.
        self._process.returncode = self._process.poll() or 0


def command() -> list[str]:
    """The command of this process, to start a successor with."""
    words = list(sys.orig_argv[1:])
    if OPTION in words:
        place = words.index(OPTION)
        del words[place : place + 2]
    return [sys.executable, *words]


class Predecessor:
    """What a successor got from the process before it. ``descriptors``: see OPTION."""

    def __init__(self, descriptors: str) -> None:
        try:
            line, *numbers = (int(each) for each in descriptors.split(","))
            self._line = socket.socket(fileno=line)
            self.sockets = [socket.socket(fileno=each) for each in numbers]
        except (ValueError, OSError) as error:
            raise ConfigError(f"{OPTION} is for the server itself: {error}") from error
        for each in (self._line, *self.sockets):
            each.setblocking(False)
            each.set_inheritable(False)

    async def make_way(self, is_ready: Callable[[], bool]) -> None:
        """Wait until this process is ready, say so, and wait until the other lets the sockets go.
        Raises TimeoutError if it is not ready within READY_S."""
        async with asyncio.timeout(READY_S):
            while not is_ready():
                await asyncio.sleep(LOOK_S)
        with suppress(OSError), self._line:
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(self._line, READY)
            await loop.sock_recv(self._line, 1)
        _log.info("this process takes over")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._line.close()
        for each in self.sockets:
            each.close()


async def succeeded(
    renew: asyncio.Event, stopped: asyncio.Event, sockets: Callable[[], Sequence[socket.socket]]
) -> Successor | None:
    """Wait for ``stopped``, and return None; or, after ``renew``, for a successor that is ready.
    ``sockets``: what it gets."""
    while True:
        await _first(renew.wait(), stopped.wait())
        if stopped.is_set():
            return None
        renew.clear()
        try:
            successor = Successor(command(), sockets())
        except OSError as error:
            _log.error("no process can be started to take over, and nothing changes: %s", error)
            continue
        _log.info("process %d is started to take over", successor.pid)
        try:
            await _first(successor.ready(), stopped.wait())
            if not stopped.is_set():
                return successor
        except* SuccessorLost as lost:
            _log.error(
                "process %d does not take over, and nothing changes: %s",
                successor.pid,
                lost.exceptions[0],
            )
        successor.close()


async def _first(*waits: Coroutine[None, None, object]) -> None:
    """Wait for the first of ``waits``, and cancel the others. Raises what it raises, in an
    ExceptionGroup."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each, name="first") for each in waits]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()


def notify(text: str) -> None:
    """Tell systemd, if it wants to know: see sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            out.sendto(text.encode(), address)
    except OSError as error:
        _log.warning("systemd cannot be told %r: %s", text, error.strerror)
