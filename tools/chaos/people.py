"""People who stay whatever happens: they come back by themselves, as the pages do."""

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import numpy as np
from numpy.typing import NDArray

from server.client.connection import Through
from server.client.conversation import Participant, Refused, alongside
from server.client.participants import Listener, Speaker
from server.demo import clip
from server.media.opus import RATE_HZ, Pcm
from signaling import messages as wire

STREAM: Final = "hall"
#: As in static/js/signaling.js.
DELAY_S, LONGEST_DELAY_S = 0.5, 1.5
RESUME_REFUSED: Final = ("unauthorised", "forbidden", "bad_message")
LOOK_S: Final = 0.02
JOIN_S: Final = 120.0
#: People who join at once; more would measure this process's DTLS.
AT_ONCE: Final = 8
#: Sound is there if a packet came in each piece of this length.
SLOT_S: Final = 0.1
SHIFTS_S: Final = (0.0, 1.7, 3.1, 8.3, 13.9)
FAILURES: Final = (Refused, ConnectionError, TimeoutError, aiohttp.ClientError, OSError)


def murmur() -> Pcm:
    """Several people who speak at once, 48 kHz, without a pause: a packet is sent for each 20 ms.
    During pauses hardly any are, and a steady noise counts as one."""
    speech = clip("nl").astype(np.float64)
    voices = [np.roll(speech, round(shift_s * RATE_HZ)) for shift_s in SHIFTS_S]
    mixed: Pcm = np.clip(np.sum(voices, axis=0), -32768, 32767).astype(np.int16)
    return mixed


class Guest:
    """A listener. ``urls``: the servers that it knows; when a session ends, the next one is at the
    next of them. ``stays``: its sessions, of which the last is the present one. ``told``: the
    errors that it was sent, with their times on the loop's clock."""

    def __init__(self, urls: Sequence[str], channel: str = "floor") -> None:
        self.urls = urls
        self.stays: list[Listener] = []
        self.told: list[tuple[float, wire.Error]] = []
        self._channel = channel

    async def run(self, gate: asyncio.Semaphore | None = None) -> None:
        """Listen until cancelled."""
        failures = 0
        for url in itertools.cycle(self.urls):
            stay, at_once = Listener(url, STREAM, self._channel), False
            try:
                async with gate or asyncio.Semaphore():
                    await stay.__aenter__()
                try:
                    gate, failures = None, 0
                    self.stays.append(stay)
                    await self._listen(stay)
                    at_once = any(_wants_offer(each) for _, each in stay.received)
                finally:
                    await stay.__aexit__(None, None, None)
            except FAILURES:
                pass
            if told_s := _told_to_wait_s(stay):
                await asyncio.sleep(told_s * (1 + random.random() / 2))
            elif not at_once:
                await asyncio.sleep(random.random() * min(DELAY_S * 2**failures, LONGEST_DELAY_S))
                failures += 1

    async def _listen(self, stay: Listener) -> None:
        """Until the session or the connection ends."""
        while not _is_over(stay):
            await asyncio.sleep(LOOK_S)
        errors = [(at_s, each) for at_s, each in stay.received if isinstance(each, wire.Error)]
        self.told += errors

    @property
    def at_s(self) -> NDArray[np.float64]:
        """When packets came, on the loop's clock."""
        return np.concatenate([np.zeros(0), *(stay.arrivals.at_s for stay in self.stays)])

    def again_s(self, since_s: float) -> float | None:
        """The longest time without a packet that began after ``since_s`` or was going on then."""
        at_s = self.at_s
        if not at_s.size or at_s[-1] < since_s:
            return None
        later = np.concatenate(([at_s[at_s <= since_s].max(initial=since_s)], at_s[at_s > since_s]))
        return float(np.diff(later).max(initial=0.0))

    def first_after_s(self, since_s: float) -> float | None:
        """From ``since_s`` to the first packet after it; None if there is none."""
        later = self.at_s[self.at_s > since_s]
        return float(later[0] - since_s) if later.size else None

    def available(self, since_s: float, until_s: float) -> float:
        """The share of the time in which there was sound, 0 to 1."""
        slots = np.unique(np.floor((self.at_s - since_s) / SLOT_S))
        count = int((until_s - since_s) / SLOT_S)
        return float(np.count_nonzero((slots >= 0) & (slots < count))) / max(1, count)


def _wants_offer(message: wire.ServerMessage) -> bool:
    """Whether only the audio connection is lost. A page sends a new offer at once."""
    return isinstance(message, wire.Error) and message.code == "timeout" and not message.fatal


def _told_to_wait_s(stay: Participant) -> float:
    """When the server told it to come back, in seconds; 0 if it did not."""
    errors = [each for _, each in stay.received if isinstance(each, wire.Error)]
    return (errors[-1].retry_after_s or 0.0) if errors else 0.0


def _is_over(stay: Participant) -> bool:
    return (
        stay.closed
        or stay.connection.connectionState in ("failed", "closed")
        or any(isinstance(each, wire.Error) for _, each in stay.received)
    )


async def speak_through(url: str, through: Through = lambda sdp: sdp) -> None:
    """Speak a murmur again and again until cancelled, and come back when the session or the
    connection ends. ``through``: see Speaker."""
    pcm = murmur()
    resume: str | None = None
    while True:
        speaker = Speaker(url, STREAM, "nl", resume=resume, through=through)
        try:
            async with speaker, alongside(_spoken(speaker, pcm), "speaking"):
                resume = speaker.joined.resume
                while not _is_over(speaker):
                    await asyncio.sleep(LOOK_S)
        except Refused as refused:
            if refused.error is not None and refused.error.code in RESUME_REFUSED:
                resume = None  # the server was started again
        except FAILURES:
            pass
        await asyncio.sleep(_told_to_wait_s(speaker) or random.random() * DELAY_S)


async def _spoken(speaker: Speaker, pcm: Pcm) -> None:
    with contextlib.suppress(*FAILURES):
        while True:
            await speaker.play(pcm)


@asynccontextmanager
async def listening(guests: Sequence[Guest]) -> AsyncIterator[None]:
    """Let the guests listen while the body runs, which begins when each has heard something."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as group:
            for number, guest in enumerate(guests):
                group.create_task(guest.run(gate), name=f"guest-{number}")

    async with alongside(all_of_them(), "guests"):
        async with asyncio.timeout(JOIN_S + 0.5 * len(guests)):
            while not all(guest.at_s.size for guest in guests):
                await asyncio.sleep(0.1)
        yield


@asynccontextmanager
async def audience(url: str, count: int, channel: str = "floor") -> AsyncIterator[list[Guest]]:
    """``count`` guests, who hear a murmur."""
    guests = [Guest([url], channel) for _ in range(count)]
    async with alongside(speak_through(url), "speaker"), listening(guests):
        yield guests
