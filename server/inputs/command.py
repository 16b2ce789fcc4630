"""``tolk input``: speaks a live source into a running server, for ever."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from typing import Final

import aiohttp
import numpy as np

from server.client.conversation import NoAudio
from server.client.options import token_of
from server.client.participants import Refused, Speaker
from server.client.source import Source
from server.inputs.address import AddressError
from server.inputs.buffer import Buffer
from server.inputs.options import request
from server.inputs.pieces import Request
from server.inputs.reading import Reading
from server.inputs.reports import Reports
from server.media.opus import SAMPLES_PER_TICK, TICK_S, Pcm
from signaling.messages import ErrorCode, SpeakerAudio

#: How often is said what comes. Seconds.
REPORT_S: Final = 10.0
#: The same is not said again sooner. Seconds.
AGAIN_S: Final = 60.0
#: The server counts as away if it took nothing for so long. Seconds.
AWAY_S: Final = 0.5
#: The connection is given up if nothing was taken from the buffer for so long. Seconds.
STUCK_S: Final = 10.0
#: Between two attempts to join: doubled each time, up to the second. Seconds.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 3.0
#: How long silence is sent after a file, so that its last words are recognised.
TAIL_S: Final = 3.0
CONNECTION_LOST: Final = (OSError, aiohttp.ClientError, TimeoutError)
#: Refusals that will not change by themselves.
FINAL_CODES: Final[tuple[ErrorCode, ...]] = (
    *("unauthorised", "forbidden", "bad_stream", "unknown_language", "bad_message", "ended"),
)

#: The exit status if the command must not be started again by itself.
OVER: Final = 3

_log = logging.getLogger("tolk.input")


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit status."""
    try:
        wanted = request(options)
    except AddressError as error:
        print(f"tolk: {error}", file=sys.stderr)
        return 2
    token = token_of(options)

    async def speak() -> tuple[str, bool]:
        if options.with_parent:
            asyncio.get_running_loop().add_reader(0, _end_with_parent)
        source = Input(wanted, options, token)
        return await source.run(), source.is_over

    problem, is_over = asyncio.run(speak())
    if not problem:
        return 0
    print(f"tolk: {wanted.address.shown}: {problem}", file=sys.stderr)
    return OVER if is_over else 1


def _end_with_parent() -> None:
    """Something happened on standard input. If it was closed, the server is gone."""
    if not os.read(0, 4096):
        os.kill(os.getpid(), signal.SIGTERM)


class Input:
    """One source and the server that it is spoken into. To be made in a running loop."""

    def __init__(self, wanted: Request, options: argparse.Namespace, token: str | None) -> None:
        self._options = options
        self._token = token
        self._joined = self._is_ended = False
        self._name = wanted.address.shown
        self._is_file = wanted.address.is_file
        self._audio: SpeakerAudio = options.audio or "webrtc"
        self._resume: str | None = None
        self._said: dict[str, float] = {}  # and when, in the last minute
        self._buffer = Buffer(asyncio.get_running_loop().time)
        self._reports = Reports()
        self._reading = Reading(wanted, self._buffer, self._say, self._reports.heard)

    async def run(self) -> str:
        """Speak until a file is spoken, or the server refuses for good. Returns what was wrong."""
        speaking: asyncio.Task[str]
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(self._reading.run(), name="reading")
            others = [
                group.create_task(self._report(), name="reports"),
                group.create_task(self._discard(), name="discard"),
            ]
            speaking = group.create_task(self._speak(reading), name="speaking")
            await asyncio.wait([speaking])
            for task in (reading, *others):
                task.cancel()
        if speaking.result() or reading.cancelled():
            return speaking.result()
        return reading.result()

    @property
    def is_over(self) -> bool:
        """Whether an operator has ended the stream, or a file was heard."""
        return self._is_ended or (self._is_file and self._joined and self._reading.opened > 0)

    def _say(self, text: str) -> None:
        """Log it, unless the same was logged in the last minute."""
        now_s = asyncio.get_running_loop().time()
        self._said = {each: at_s for each, at_s in self._said.items() if now_s - at_s < AGAIN_S}
        if text not in self._said:
            self._said[text] = now_s
            _log.info("%s: %s", self._name, text)

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_S)
            self._say(self._reports.line(self._reading, self._buffer, REPORT_S))

    async def _discard(self) -> None:
        """Keep a live source flowing while the server is away: what it says then is lost."""
        loop = asyncio.get_running_loop()
        done_s = loop.time()
        while not self._is_file:
            await asyncio.sleep(0.1)
            if self._buffer.idle_s < AWAY_S:
                done_s = loop.time()
            while done_s + TICK_S <= loop.time():
                self._buffer.drop()
                done_s += TICK_S

    async def _speak(self, reading: asyncio.Task[str]) -> str:
        """Join again and again. Returns why that is over; "" after a file."""
        options = self._options
        pause_s = FIRST_PAUSE_S
        while True:
            joined = False
            try:
                async with Speaker(
                    options.url,
                    options.stream,
                    options.language,
                    token=self._token,
                    audio=self._audio,
                    resume=self._resume,
                    take_over=options.take_over and self._resume is None,
                    tls=not options.insecure,
                    source=_Paced(self._buffer),
                ) as speaker:
                    joined, pause_s = True, FIRST_PAUSE_S
                    self._joined = True
                    self._resume = speaker.joined.resume
                    self._say(f"speaking {options.language} in {options.stream} at {options.url}")
                    problem = await self._spoken(speaker, reading)
                    if problem is None:
                        return ""
                    if speaker.closed and (error := speaker.refusal().error):
                        if error.code == "ended":
                            self._is_ended = True
                            return problem
            except Refused as error:
                problem = str(error)
                if error.error and error.error.code in FINAL_CODES and not joined:
                    return problem
            except NoAudio as error:
                problem = str(error)
                if not options.audio:
                    self._audio = "socket-opus"
                    problem += "; sending over TCP from now on"
            except CONNECTION_LOST as error:
                problem = f"{options.url} does not answer: {error}"
            except ExceptionGroup as errors:  # both ways of a connection were lost
                if errors.split(CONNECTION_LOST)[1]:
                    raise
                problem = f"{options.url} was lost: {errors.exceptions[0]}"
            if reading.done():
                return problem
            self._say(f"{problem}; joining again in {pause_s:g} s")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _spoken(self, speaker: Speaker, reading: asyncio.Task[str]) -> str | None:
        """Wait until the session ends, and say why; None if the file has been spoken."""
        while not await speaker.ended(0.5):
            if self._buffer.idle_s > STUCK_S:
                return "the server takes no sound"
            if reading.done() and self._buffer.spent:
                await speaker.ended(TAIL_S)
                return None
        return str(speaker.refusal())


class _Paced(Source):
    """The buffer as what a speaker sends."""

    def __init__(self, buffer: Buffer) -> None:
        super().__init__()
        self._buffer = buffer

    def taken(self, samples: int) -> Pcm:
        """Take exactly the next ``samples``: whole parts of 20 ms."""
        assert samples % SAMPLES_PER_TICK == 0
        return np.concatenate([self._buffer.take() for _ in range(samples // SAMPLES_PER_TICK)])
