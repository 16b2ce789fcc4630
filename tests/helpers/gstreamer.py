"""A participant whose sound travels by GStreamer's webrtcbin: see webrtcbin.py."""

import asyncio
import json
import subprocess
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import numpy as np

from server.client.conversation import Participant
from server.media.opus import Pcm
from signaling import messages as wire
from tests.helpers.whip import SDP

#: The system's, which has ``gi``.
PYTHON = "/usr/bin/python3"
PROGRAM = Path(__file__).with_name("webrtcbin.py")
#: A process starts, and gathers candidates; ICE and DTLS take a second more.
START_S = 30.0
LEAVE_S = 10.0


def missing() -> str:
    """Why webrtcbin cannot run here; nothing if it can."""
    try:
        check = subprocess.run([PYTHON, PROGRAM, "check"], capture_output=True, text=True)
    except OSError as error:
        return str(error)
    return check.stderr.splitlines()[-1] if check.returncode else ""


class Bin:
    """A running webrtcbin. ``sound``: where a listener's sound is written."""

    def __init__(self, process: Process, sound: Path | None) -> None:
        self._process = process
        self._sound = sound

    @property
    def heard(self) -> Pcm:
        """What has come so far, int16 mono at 48 kHz."""
        if self._sound is None or not self._sound.exists():
            return np.zeros(0, np.int16)
        sound = self._sound.read_bytes()
        return np.frombuffer(sound[: len(sound) // 2 * 2], np.int16)

    async def offer(self) -> str:
        """Its offer."""
        return (await self._said("offer"))["sdp"]

    async def take(self, answer: str) -> None:
        """Give it the answer, and wait until it is connected."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"sdp": answer}).encode() + b"\n")
        while (await self._said("state"))["state"] != "connected":
            pass

    async def hang_up(self) -> None:
        """End the sound's connection, and only it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        async with asyncio.timeout(LEAVE_S):
            assert await self._process.wait() == 0

    async def _said(self, kind: str) -> dict[str, str]:
        """The next line of this kind. Raises EOFError when the program has ended."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said: dict[str, str] = json.loads(line)
            if said["type"] == kind:
                return said
        raise EOFError("webrtcbin ended")


@asynccontextmanager
async def running(*options: str, sound: Path | None = None) -> AsyncIterator[Bin]:
    """Run webrtcbin.py with these options."""
    to_file = [] if sound is None else ["--sound", str(sound)]
    process = await asyncio.create_subprocess_exec(
        PYTHON, PROGRAM, *options, *to_file, stdin=PIPE, stdout=PIPE
    )
    try:
        yield Bin(process, sound)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()  # noqa: ASYNC102


class Webrtcbin(Participant):
    """``options``: of webrtcbin.py. ``offered`` changes its offer on the way to the server.
    ``sound``: where a listener's sound is written."""

    bin: Bin

    def __init__(
        self,
        url: str,
        join: wire.JoinSpeaker | wire.JoinListener,
        *options: str,
        sound: Path | None = None,
        offered: Callable[[str], str] = lambda sdp: sdp,
    ) -> None:
        speaks = isinstance(join, wire.JoinSpeaker)
        super().__init__(f"{url}/ws/{'speak' if speaks else 'listen'}/hall", join, True)
        self._sound = sound
        self._offered = offered
        self._options = ["speak" if speaks else "listen", *options]

    async def _start_sound(self, stack: AsyncExitStack) -> None:
        self.bin = await stack.enter_async_context(running(*self._options, sound=self._sound))
        async with asyncio.timeout(START_S):
            sdp = self._offered(await self.bin.offer())
            answer = await self.ask(wire.Offer(sdp=sdp), wire.Answer)
            await self.bin.take(answer.sdp)


@asynccontextmanager
async def over_http(
    http: aiohttp.ClientSession, path: str, sound: Path | None = None
) -> AsyncIterator[Bin]:
    """Join by WHIP, or with a file for ``sound`` by WHEP. At the end nobody says goodbye."""
    async with running("listen" if sound else "speak", sound=sound) as each:
        async with asyncio.timeout(START_S):
            offer = await each.offer()
            async with http.post(path, data=offer, headers=SDP) as response:
                answer = await response.text()
                assert response.status == 201, answer
            await each.take(answer)
        yield each
