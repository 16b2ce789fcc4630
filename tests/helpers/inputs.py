"""Reads a live source during a test, down to the samples that would be sent."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np

from server.client.conversation import alongside
from server.inputs.address import address
from server.inputs.buffer import Buffer
from server.inputs.pieces import Request
from server.inputs.reading import DEFAULT_LIMITS, Limits, Reading
from server.media.opus import RATE_HZ, TICK_S, Pcm
from tests.helpers.waiting import until

DEADLINE_S = 90.0


class Heard:
    """One source, read while ``run`` runs. ``said``: what the user is told. ``pcm``: all that
    would be sent."""

    def __init__(self, request: Request, limits: Limits = DEFAULT_LIMITS) -> None:
        self.said: list[str] = []
        self.parts: list[Pcm] = []
        self.buffer = Buffer(lambda: asyncio.get_running_loop().time())
        self.reading = Reading(request, self.buffer, self.said.append, limits=limits)

    @property
    def pcm(self) -> Pcm:
        return np.concatenate(self.parts) if self.parts else np.zeros(0, np.int16)

    @property
    def sound_s(self) -> float:
        """How much of it is no silence."""
        return sum(bool(part.any()) for part in self.parts) * TICK_S

    async def run(self) -> None:
        """Read, and take what is to be sent."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.reading.run(), name="reading")
            await self._take()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until ``condition`` holds. Raises TimeoutError, with what was said."""
        try:
            await until(condition, DEADLINE_S)
        except TimeoutError:
            raise TimeoutError(f"{self.sound_s:g} s of sound; said: {self.said}") from None

    async def sound(self, seconds: float) -> None:
        """Wait until ``seconds`` more of sound have come."""
        since_s = self.sound_s
        await self.until(lambda: self.sound_s - since_s >= seconds)

    async def _take(self) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while not self.buffer.spent:
            await asyncio.sleep(began_s + (len(self.parts) + 1) * TICK_S - loop.time())
            self.parts.append(self.buffer.take())


async def heard(text: str, seconds: float, *, listen: bool = False) -> Heard:
    """Read the source until ``seconds`` of sound have come."""
    made = Heard(Request(address(text, listen)))
    async with alongside(made.run(), "input"):
        await made.sound(seconds)
    return made


async def whole(path: Path, track: int = 0, channel: int = 0, gain_db: float = 0.0) -> Heard:
    """Read a file of less than 10 s to its end; then take all of it."""
    made = Heard(Request(address(str(path)), track, channel, gain_db))
    async with asyncio.timeout(DEADLINE_S):
        await made.reading.run()
    while not made.buffer.spent:
        made.parts.append(made.buffer.take())
    return made


def frequency(pcm: Pcm) -> float:
    """The strongest frequency in the last second, in Hz."""
    last = pcm[-RATE_HZ:]
    spectrum = np.abs(np.fft.rfft(last.astype(np.float64)))
    return float(spectrum.argmax()) * RATE_HZ / last.size
