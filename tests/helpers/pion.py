"""Pion, a WebRTC stack in Go, as a participant over WHIP and WHEP: see pion/main.go. It is built
from Debian's package of Pion's source, with Debian's Go."""

import asyncio
import os
import shutil
import struct
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from server.media.opus import OpusDecoder, Pcm

PROGRAM = Path(__file__).with_name("pion") / "main.go"
SOURCES = Path("/usr/share/gocode")
LEAVE_S = 10.0
_SIZE = struct.Struct("!H")


def missing() -> str:
    """Why it cannot be built here; nothing if it can."""
    if shutil.which("go") is None:
        return "Go is missing: apt install golang-go"
    if not (SOURCES / "src/github.com/pion/webrtc").is_dir():
        return "Pion is missing: apt install golang-github-pion-webrtc.v3-dev"
    return ""


async def built(folder: Path) -> Path:
    """Build the program in ``folder``. Go finds Pion's "v3" only from a module of its own."""
    package = folder / "src" / "pion"
    package.mkdir(parents=True)
    shutil.copy(PROGRAM, package)
    (package / "go.mod").write_text("module pion\n")
    settings = {"GO111MODULE": "off", "GOPATH": f"{folder}:{SOURCES}", "GOFLAGS": ""}
    build = await asyncio.create_subprocess_exec(
        *("go", "build", "-o", folder / "pion", "."), cwd=package, env={**os.environ, **settings}
    )
    assert await build.wait() == 0
    return folder / "pion"


@asynccontextmanager
async def speaking(program: Path, url: str, packets: Iterable[bytes]) -> AsyncIterator[Process]:
    """While the body runs, Pion publishes these Opus packets of 20 ms again and again. Then it
    leaves by DELETE. It restarts ICE on SIGUSR1."""
    async with _running(program, "speak", url, stdout=DEVNULL) as process:
        assert process.stdin is not None
        process.stdin.write(b"".join(_SIZE.pack(len(each)) + each for each in packets))
        process.stdin.close()
        yield process


class Heard:
    """The packets that a listener has received so far. ``process``: the listener."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.packets: list[bytes] = []

    @property
    def sound(self) -> Pcm:
        """Their audio: int16 mono at 48 kHz."""
        decoder = OpusDecoder()
        return np.concatenate([np.zeros(0, np.int16), *map(decoder.decode, self.packets)])


@asynccontextmanager
async def listening(program: Path, url: str) -> AsyncIterator[Heard]:
    """While the body runs, Pion listens. Then it leaves by DELETE."""

    async def read(process: Process) -> None:
        assert process.stdout is not None
        while size := await process.stdout.read(1):
            size += await process.stdout.readexactly(1)
            heard.packets.append(await process.stdout.readexactly(*_SIZE.unpack(size)))

    async with (
        _running(program, "listen", url, stdout=PIPE) as process,
        asyncio.TaskGroup() as group,
    ):
        heard = Heard(process)
        reader = group.create_task(read(process), name="pion-reader")
        try:
            yield heard
        finally:
            reader.cancel()


@asynccontextmanager
async def _running(program: Path, *arguments: str, stdout: int) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(program, *arguments, stdin=PIPE, stdout=stdout)
    try:
        yield process
        process.terminate()
        async with asyncio.timeout(LEAVE_S):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()  # noqa: ASYNC102
