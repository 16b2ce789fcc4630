"""What a headless participant says, in real time."""

import asyncio

import numpy as np

from server.media.opus import RATE_HZ, Pcm

#: Time that play() may take beyond the length of its audio.
PLAY_GRACE_S = 10.0


class Source:
    """The audio that a participant sends, 48 kHz mono, in real time. ``start_s``: when its first
    sample was sent, on the loop's clock."""

    def __init__(self) -> None:
        self._waiting: Pcm = np.zeros(0, np.int16)
        self._said = asyncio.Event()
        self.start_s: float | None = None
        self._samples = 0

    async def next(self, samples: int) -> Pcm:
        """Wait until the next ``samples`` are due, and return them."""
        now_s = asyncio.get_running_loop().time()
        if self.start_s is None:
            self.start_s = now_s
        await asyncio.sleep(self.start_s + self._samples / RATE_HZ - now_s)
        self._samples += samples
        return self.taken(samples)

    def taken(self, samples: int) -> Pcm:
        """Take exactly the next ``samples``, which are due now."""
        block, self._waiting = self._waiting[:samples], self._waiting[samples:]
        if not self._waiting.size:
            self._said.set()
        return np.pad(block, (0, samples - block.size))

    async def play(self, pcm: Pcm) -> None:
        """Send ``pcm`` after what waits already; return when all is sent."""
        self._waiting = np.concatenate((self._waiting, pcm))
        self._said.clear()
        async with asyncio.timeout(self._waiting.size / RATE_HZ + PLAY_GRACE_S):
            await self._said.wait()

    def end(self) -> None:
        """Drop what waits."""
        self._waiting = self._waiting[:0]
        self._said.set()
