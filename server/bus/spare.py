"""A spare process: it has its models loaded, and waits to take the place of one that was lost.

It takes as much memory as the process in use, so it is started only where that is left, and ended
when memory becomes short. It is told to begin by a line on its standard input, and says on its
standard output, by a line, that it is ready to.
"""

import asyncio
import logging
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from server.machine import memory_left
from server.process import end

#: Memory that must be left for everything else, in bytes, when a spare is started, and later.
ROOM_BYTES: Final = 512_000_000
LEAST_BYTES: Final = 192_000_000
#: The option of a process that is a spare.
STANDBY: Final = "--standby"
#: From when an interpreter is ready until a spare is started.
AFTER_S: Final = 10.0
LOOK_S: Final = 1.0
#: After one was lost, or there was no memory for it, it is tried again after so long.
AGAIN_S: Final = 60.0
LOADING_S: Final = 300.0
GRACE_S: Final = 2.0

_log = logging.getLogger(__name__)


class Spare:
    """``command`` starts it. ``left``: how much memory is left, in bytes; a parameter for tests.
    ``ready``: whether it could take over at once."""

    def __init__(self, command: Sequence[str], left: Callable[[], int] = memory_left) -> None:
        self.ready = False
        self._command = command
        self._left = left
        self._process: Process | None = None
        self._options: Sequence[str] | None = None  # None: it is being ended
        self._not_before_s = 0.0
        self._says_no_memory = False

    async def run(
        self, needs: Callable[[], int | None], options: Callable[[], Sequence[str]]
    ) -> None:
        """Keep a spare until cancelled; then end it. ``needs``: the bytes that it will take; None
        while none is wanted. ``options``: to start it with."""
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                await self._look(needs(), options())
        finally:
            if self._process is not None:
                await end(self._process, GRACE_S)

    def take(self, options: Sequence[str]) -> Process | None:
        """Let the spare begin as soon as it is ready, and hand it over. None if there is none, or
        it has other options."""
        process = self._process
        if process is None or process.returncode is not None or process.stdin is None:
            return None
        if self._options is None or [*options] != [*self._options]:
            self.renew()
            return None
        self._process, self.ready = None, False
        self._not_before_s = 0.0
        process.stdin.write(b"begin\n")
        return process

    def renew(self) -> None:
        """Replace the spare by another one: the models have changed."""
        self.ready, self._options = False, None
        self._not_before_s = 0.0
        if self._process is not None:
            _kill(self._process)

    async def _look(self, needs: int | None, options: Sequence[str]) -> None:
        process = self._process
        if process is not None and process.returncode is not None:
            _log.info("the spare interpreter ended")
            self._process, self.ready = None, False
        elif process is not None:
            left = self._memory_left()
            if left is not None and left < LEAST_BYTES:
                _log.warning("memory is short: the spare interpreter is ended")
                self.renew()
                self._wait()
        elif needs is not None and asyncio.get_running_loop().time() >= self._not_before_s:
            await self._begin(needs, options)

    def _memory_left(self) -> int | None:
        """None if the system does not tell, as when too many files are open."""
        try:
            return self._left()
        except OSError as error:
            _log.debug("how much memory is left is not known: %s", error)
            return None

    async def _begin(self, needs: int, options: Sequence[str]) -> None:
        self._wait()
        left = self._memory_left()
        if left is None:
            return
        if left < needs + ROOM_BYTES:
            if not self._says_no_memory:
                _log.info(
                    "no spare interpreter: it needs %d MB of memory besides %d MB for all else, "
                    "and %d MB are left. A lost one is replaced more slowly",
                    needs // 1_000_000, ROOM_BYTES // 1_000_000, left // 1_000_000,
                )  # fmt: skip
            self._says_no_memory = True
            return
        self._says_no_memory = False
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, *options, stdin=PIPE, stdout=PIPE, start_new_session=True
            )
        except OSError as error:
            _log.warning("a spare interpreter cannot be started: %s", error)
            return
        self._process, self._options = process, options
        assert process.stdout is not None
        try:
            async with asyncio.timeout(LOADING_S):
                said = await process.stdout.readline()
        except TimeoutError:
            _log.warning("a spare interpreter was not ready within %g s", LOADING_S)
            _kill(process)
            return
        if said and self._process is process and self._options is not None:
            self.ready = True
            _log.info("a spare interpreter is ready")

    def _wait(self) -> None:
        self._not_before_s = asyncio.get_running_loop().time() + AGAIN_S


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
