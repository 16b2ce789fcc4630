"""The interpreter is killed or stopped while somebody speaks."""

import asyncio
import difflib
import os
import random
import signal
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from server.client.participants import Listener, Speaker
from server.demo import clip
from server.media.opus import RATE_HZ
from signaling.messages import Caption, ChannelState
from tools.bench.recovery import first_sound_after
from tools.bench.serving import Serving, serving
from tools.chaos.people import STREAM
from tools.figures import Figure

#: The clip is 35 s long.
FROM_S, UNTIL_S = 8.0, 22.0
TAIL_S: Final = 4.0
SPARE_S: Final = 60.0
STARTED_S: Final = 30.0
ROUNDS, QUICK_ROUNDS = 20, 1
STOPS: Final = 5
#: Messages that were on their way when the signal was sent come within this time.
ON_THE_WAY_S: Final = 0.03


@dataclass
class Outcome:
    """Of all rounds. Times from the signal, in seconds; None: never."""

    captions_s: list[float | None] = field(default_factory=list)
    sound_s: list[float | None] = field(default_factory=list)
    lost: int = 0
    words_lost: list[int] = field(default_factory=list)
    without_spare: int = 0

    def figures(self, name: str, captions_s: float, sound_s: float) -> list[Figure]:
        return [
            Figure(f"{name}.rounds", len(self.captions_s), ""),
            Figure(f"{name}.without_spare", self.without_spare, ""),
            Figure(f"{name}.captions_again_max", worst(self.captions_s), "s", bound=captions_s),
            Figure(f"{name}.sound_again_max", worst(self.sound_s), "s", bound=sound_s),
            Figure(f"{name}.listeners_lost", self.lost, "", bound=0),
            Figure(f"{name}.words_lost", sum(self.words_lost), "", bound=0),
        ]


def worst(values: list[float | None]) -> float | None:
    """The largest; None if any is missing."""
    known = [each for each in values if each is not None]
    return max(known) if len(known) == len(values) and known else None


async def killed(quick: bool, busy: bool) -> list[Figure]:
    outcome = await _rounds(signal.SIGKILL, QUICK_ROUNDS if quick else ROUNDS)
    return outcome.figures("worker_killed", *((2.0, 3.0) if busy else (1.0, 1.5)))


async def stopped(quick: bool, busy: bool) -> list[Figure]:
    outcome = await _rounds(signal.SIGSTOP, QUICK_ROUNDS if quick else STOPS)
    return outcome.figures("worker_stopped", *((5.0, 5.5) if busy else (4.0, 4.5)))


async def _rounds(number: signal.Signals, count: int) -> Outcome:
    outcome = Outcome()
    async with serving() as server:
        expected = await _round(server, None, Outcome())
        for _ in range(count):
            if not await spare_ready(server):
                outcome.without_spare += 1
            said = await _round(server, number, outcome)
            outcome.words_lost.append(words_lost(expected, said))
    return outcome


async def spare_ready(server: Serving, within_s: float = SPARE_S) -> bool:
    """Wait until a spare interpreter is ready."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        if await server.metric("tolk_interpreter_spare"):
            return True
        await asyncio.sleep(0.5)
    return False


async def _round(server: Serving, number: signal.Signals | None, outcome: Outcome) -> list[str]:
    """Speak the clip, and send the interpreter the signal meanwhile. Returns the words of the
    final captions in the speaker's language."""
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        listeners = [
            await stack.enter_async_context(
                Listener(server.url, STREAM, "en", captions=["nl", "en"], keep_sound=index == 0)
            )
            for index in range(3)
        ]
        heard = listeners[0]
        speaker = await stack.enter_async_context(Speaker(server.url, STREAM, "nl"))
        # Not "live": a machine that was too slow is called so until it speaks in time again.
        await heard.expect(
            ChannelState, lambda state: state.status != "starting", within_s=STARTED_S
        )
        group = await stack.enter_async_context(asyncio.TaskGroup())
        pcm = np.concatenate((clip("nl"), np.zeros(round(TAIL_S * RATE_HZ), np.int16)))
        speaking = group.create_task(speaker.play(pcm), name="speaking")
        if number is not None:
            await asyncio.sleep(random.uniform(FROM_S, UNTIL_S))
            since, at_s = len(heard.received), loop.time()
            os.kill(server.interpreter_pid(), number)
            await heard.expect(
                ChannelState, lambda state: state.status == "live", since=since, within_s=STARTED_S
            )
            live_s = loop.time()
        await speaking
        if number is not None:
            captions = [when for when, _ in heard.captions if when > at_s + ON_THE_WAY_S]
            outcome.captions_s.append(min(captions) - at_s if captions else None)
            sound_s = first_sound_after(heard, live_s)
            outcome.sound_s.append(None if sound_s is None else sound_s - at_s)
        outcome.lost += sum(each.closed for each in listeners)
        return _words([each for _, each in heard.captions])
    raise AssertionError


def _words(captions: list[Caption]) -> list[str]:
    finals = [each for each in captions if each.status == "final" and each.language == "nl"]
    return " ".join(each.text for each in finals).lower().translate(_BARE).split()


_BARE: Final = str.maketrans("", "", ".,?!;:")


def words_lost(expected: list[str], said: list[str]) -> int:
    """How many of the expected words are missing. A word in the place of another is not lost."""
    lost = 0
    for _, a, b, c, d in difflib.SequenceMatcher(None, expected, said, False).get_opcodes():
        lost += max(0, (b - a) - (d - c))
    return lost
