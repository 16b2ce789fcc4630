"""Keeps one source's reader process alive, and fills its buffer.

A reader that gives nothing for some seconds is killed, whatever the reason. Every reader that ends
is followed by another, after a pause that doubles up to a limit: for ever, unless the source is a
file.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from server.inputs.buffer import Buffer
from server.inputs.pieces import HEADER, Damage, Ended, Kind, Piece, Request, Sound, decode
from server.media.opus import Pcm

COMMAND: Final = (sys.executable, "-m", "server.inputs.reader")
#: Bytes. A piece is a frame's sound, a second at most.
LARGEST_PIECE: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """In seconds. ``opening_s``: until the first sound. ``listening_s``: the same, if the source is
    to connect to us; one that connects and sends nothing keeps others out for so long.
    ``stall_s``: between two pieces of sound. ``healthy_s``: a reader that lives longer sets the
    pause to ``first_pause_s`` again."""

    opening_s: float = 30.0
    listening_s: float = 60.0
    stall_s: float = 4.0
    healthy_s: float = 10.0
    first_pause_s: float = 0.25
    longest_pause_s: float = 1.5


DEFAULT_LIMITS: Final = Limits()


class Reading:
    """One source. ``kind``: what its sound is; None before the first. ``opened``: how often sound
    began to come. ``damaged``: packets that could not be decoded. ``leaps``: of its timestamps.
    ``pid``: of its reader; None while there is none."""

    def __init__(
        self,
        request: Request,
        buffer: Buffer,
        say: Callable[[str], None],
        heard: Callable[[Pcm], None] = lambda pcm: None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._request = request
        self._buffer = buffer
        self._say = say
        self._heard = heard
        self._limits = limits
        self.kind: Kind | None = None
        self.opened = 0
        self.damaged = 0
        self.leaps = 0
        self.pid: int | None = None

    async def run(self) -> str:
        """Read until the source ends, which only a file does. Returns what was wrong with the
        file, or ""."""
        pause_s = self._limits.first_pause_s
        while True:
            began_s = asyncio.get_running_loop().time()
            opened = self.opened
            problem = await self._read()
            if self._request.address.is_file:
                self._buffer.end()
                return problem
            if asyncio.get_running_loop().time() - began_s > self._limits.healthy_s:
                pause_s = self._limits.first_pause_s
            what = "it ended" if opened < self.opened else "it gave no sound"
            self._say(f"{problem or what}; trying again in {pause_s:g} s")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, self._limits.longest_pause_s)

    async def _read(self) -> str:
        """Run one reader to its end. Returns what was wrong, or ""."""
        limits = self._limits
        is_server = self._request.address.listens
        limit_s = limits.listening_s if is_server else limits.opening_s
        sound = False
        try:
            started = await _started()
        except (OSError, RuntimeError) as error:  # no process, file or thread is left
            return f"its reader cannot be started ({error})"
        async with _reader(started, self._request) as process:
            self.pid = process.pid
            while True:
                try:
                    piece = await _next(process, limit_s)
                except TimeoutError:
                    return f"no sound came for {limit_s:g} s"
                match piece:
                    case Ended(problem=problem):
                        return problem
                    case Sound():
                        if not sound:
                            sound, limit_s = True, limits.stall_s
                            self.opened += 1
                        await self._take(piece)
                    case _:
                        self._note(piece)

    async def _take(self, piece: Sound) -> None:
        pcm: Pcm = np.frombuffer(piece.pcm, np.int16)
        self._heard(pcm)
        await self._buffer.room()
        self._buffer.put(pcm, piece.gap)

    def _note(self, piece: Piece) -> None:
        match piece:
            case Damage(leap=True):
                self.leaps += 1
            case Damage():
                self.damaged += 1
            case Kind():
                self._say(f"receiving {piece.text}")
                if piece.side and (self.kind is None or piece.side != self.kind.side):
                    self._say(
                        "the two channels cancel each other when mixed; is a balanced line in a "
                        f"stereo socket? Only the {piece.side} one is taken"
                    )
                self.kind = piece


async def _next(process: Process, limit_s: float) -> Piece:
    """The next piece; Ended if the process ended without. Raises TimeoutError."""
    assert process.stdout is not None
    try:
        async with asyncio.timeout(limit_s):
            (size,) = HEADER.unpack(await process.stdout.readexactly(HEADER.size))
            if size > LARGEST_PIECE:
                return Ended("its reader wrote nonsense")
            return decode(await process.stdout.readexactly(size))
    except asyncio.IncompleteReadError:
        status = await process.wait()
        return Ended(f"its reader ended with {status}")
    except msgspec.DecodeError:
        return Ended("its reader wrote nonsense")


async def _started() -> Process:
    """A reader process. Raises OSError or RuntimeError if the machine has no room for one."""
    return await asyncio.create_subprocess_exec(
        *COMMAND, stdin=PIPE, stdout=PIPE, start_new_session=True
    )


@asynccontextmanager
async def _reader(process: Process, request: Request) -> AsyncIterator[Process]:
    """Tell a reader what to read; on leaving, kill it and what it started."""
    try:
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(request) + b"\n")
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()  # reads what it wrote, so that the pipe is closed
