"""A talk of people through the interpreter in virtual time: ten minutes take one to four.

Everything is as in the server, except for the clock and the network: a call to the recogniser takes
the processor time that it used. So lags are shorter than a reader's by the time of the network.
"""

import asyncio
import time

import numpy as np

from server.bus.messages import RATE_HZ, AudioChunk, Caption, Demand, Message
from server.interpretation.engines import Recognizer
from server.interpretation.interpreter import Interpreter
from server.interpretation.routes import RoutedTranslator
from server.interpretation.shared import Engines, Limits, Shared
from server.interpretation.silero_detector import SileroDetector
from server.interpretation.types import Pcm
from server.process import rss_bytes
from tools.evaluate.captions import Line
from tools.evaluate.hearing_live import LOSSY, LOSSY_BIT_RATE
from tools.evaluate.hearing_run import Run
from tools.evaluate.talks import Talk
from tools.virtual_time import TimedLanes, run
from training.recognizer import augment

STREAM = "talk"
CHUNK = RATE_HZ // 10


def heard(said: Talk, pcm: Pcm, recognizer: Recognizer, lossy: bool = False) -> Run:
    """The captions of ``said``, whose sound is ``pcm`` at 16 kHz. ``lossy``: through Opus at
    24 kb/s, with 5 % of the packets lost and concealed."""
    if lossy:
        coded = augment.opus(pcm.astype(np.float64), LOSSY_BIT_RATE)
        rough = augment.lost(coded, np.random.default_rng(59), LOSSY.loss)
        pcm = np.clip(np.round(rough), -32768, 32767).astype(np.int16)
    lines: list[Line] = []

    def receive(message: Message) -> None:
        if isinstance(message, Caption):
            now_s = asyncio.get_running_loop().time()
            lines.append(
                Line(now_s, message.segment, message.status, message.text, message.certain)
            )

    engines = Engines(
        {said.source: recognizer},
        RoutedTranslator({}, lambda source, target: ()),
        {},
        SileroDetector,
    )
    shared = Shared(engines, Limits(), receive, lanes=TimedLanes())
    began_s = time.process_time()
    held_mb = run(_speak(said, pcm, shared))
    cpu_s = time.process_time() - began_s
    return Run(
        lines=lines,
        cpu={"interpreter": cpu_s / said.duration_s},
        dropped=sum(shared.dropped.values()),
        memory_mb=held_mb,
    )


async def _speak(said: Talk, sound: Pcm, shared: Shared) -> list[tuple[float, float]]:
    """Speak the whole talk in (virtual) real time. Returns the memory over time, in MB."""
    interpreter = Interpreter(shared, Demand(stream=STREAM, epoch=0, source=said.source), 0)
    clock = asyncio.get_running_loop().time
    held: list[tuple[float, float]] = []
    async with asyncio.TaskGroup() as group:
        group.create_task(interpreter.run(), name="interpreter")
        for start in range(0, len(sound), CHUNK):
            chunk = sound[start : start + CHUNK]
            await asyncio.sleep((start + len(chunk)) / RATE_HZ - clock())
            interpreter.hear(
                AudioChunk(stream=STREAM, epoch=0, start_sample=start, pcm=chunk.tobytes())
            )
            if start % (10 * RATE_HZ) == 0:
                held.append((start / RATE_HZ, rss_bytes() / 1e6))
        interpreter.close()
    return held
