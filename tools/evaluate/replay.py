"""Talks through the interpreter in virtual time, for tuning: ten minutes take one or two.

    python -m tools.evaluate replay [--json] [--quick] [--help]

Sentences and voices are different from those of tests: see talks. Everything is as in the server,
except for the clock and the network: a call to an engine takes the processor time that it used, and
speech is heard at its planned time, as the text that it was made of. So lags are shorter than a
listener's by the time of networks and playout, and no word is misheard. The figures that count are
those of ``interpretation``.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from server.bus.messages import RATE_HZ as STREAM_HZ
from server.bus.messages import AudioChunk, Caption, Demand, Message, Speech
from server.config import STARTER_MODELS
from server.interpretation.engines import Synthesizer
from server.interpretation.interpreter import Interpreter
from server.interpretation.loading import load
from server.interpretation.policies import POLICIES, PolicyName
from server.interpretation.shared import Engines, Limits, Shared
from server.interpretation.types import Pcm
from server.media.opus import RATE_HZ, Resampler
from server.models.installed import catalogue_of
from tools.evaluate.captions import Line
from tools.evaluate.interpretation import figures_of, sentences
from tools.evaluate.live import CHUNK, Heard, Observation
from tools.evaluate.talks import Talk, Timed, cache_folder, talk
from tools.figures import measuring_parser, report
from tools.virtual_time import TimedLanes, run
from training.phrases import normalise

STREAM = "talk"
MINUTES, QUICK_MINUTES = 10, 0.4


def replay(said: Talk, pcm: Pcm, policy: PolicyName, engines: Engines) -> Observation:
    """Interpret ``said``, whose sound is ``pcm`` at 48 kHz, with a policy."""
    ear = _Ear(said.target, engines.synthesizers[said.target])
    heard = Engines(engines.recognizers, engines.translator, {said.target: ear}, engines.detector)
    shared = Shared(heard, Limits(), ear.receive, POLICIES[policy], TimedLanes())
    began_s = time.process_time()
    run(_speak(said, pcm, shared))
    cpu_s = time.process_time() - began_s
    return Observation(
        policy=policy,
        source_captions=ear.lines.get(said.source, []),
        heard=[Heard(said.target, ear.lines.get(said.target, []), ear.words, ear.voiced)],
        cpu={"interpreter": cpu_s / said.duration_s},
        dropped=sum(shared.dropped.values()),
        listeners=0,
        lateness_p99_ms=None,
    )


async def _speak(said: Talk, pcm: Pcm, shared: Shared) -> None:
    """Speak the whole talk in (virtual) real time."""
    resampler = Resampler(RATE_HZ, STREAM_HZ)
    sound = np.concatenate((resampler.push(pcm), resampler.flush()))
    demand = Demand(stream=STREAM, epoch=0, source=said.source, speech=(said.target,))
    interpreter = Interpreter(shared, demand, 0)
    clock = asyncio.get_running_loop().time
    async with asyncio.TaskGroup() as group:
        group.create_task(interpreter.run(), name="interpreter")
        for start in range(0, len(sound), CHUNK):
            chunk = sound[start : start + CHUNK]
            await asyncio.sleep((start + len(chunk)) / STREAM_HZ - clock())
            interpreter.hear(
                AudioChunk(stream=STREAM, epoch=0, start_sample=start, pcm=chunk.tobytes())
            )
        interpreter.close()


class _Ear:
    """A voice that notes the texts it is given and when they are heard. ``words``: those of each
    part, spread evenly over its time."""

    def __init__(self, language: str, voice: Synthesizer) -> None:
        self.language = language
        self.rate_hz = voice.rate_hz
        self.words: list[Timed] = []
        self.voiced: list[tuple[float, float]] = []
        self.lines: dict[str, list[Line]] = {}
        self._voice = voice
        self._text = ""  # that was synthesized last
        self._start_s: float | None = None  # when the current part began

    def synthesize(self, text: str, length_scale: float) -> Pcm:
        self._text = text
        return self._voice.synthesize(text, length_scale)

    def receive(self, message: Message) -> None:
        """Take a message of the interpreter."""
        match message:
            case Caption():
                now_s = asyncio.get_running_loop().time()
                line = Line(now_s, message.segment, message.status, message.text)
                self.lines.setdefault(message.language, []).append(line)
            case Speech():
                self._hear(message)

    def _hear(self, piece: Speech) -> None:
        play_at_s = piece.play_at / STREAM_HZ
        start_s = self._start_s = play_at_s if self._start_s is None else self._start_s
        if not piece.last:
            return
        end_s = play_at_s + len(piece.pcm) / 2 / piece.rate_hz
        texts = normalise(self._text).split()
        edges = np.linspace(start_s, end_s, len(texts) + 1).tolist()
        self.words += map(Timed, texts, edges[:-1], edges[1:])
        self.voiced.append((start_s, end_s))
        self._start_s = None


def main(argv: Sequence[str]) -> int:
    """Run it. Returns the exit status 0, because tuning has no bounds."""
    options = _parser().parse_args(argv)
    minutes = QUICK_MINUTES if options.quick else options.minutes
    said, pcm = talk(options.cache, options.source, options.rate, minutes, "development")
    engines = load(catalogue_of(str(options.models), Path()))
    observations = [replay(said, pcm, policy, engines) for policy in options.policies]
    judged = {each.policy: sentences(said, each) for each in observations}
    voice = engines.synthesizers[said.target]
    figures = [
        figure
        for observed in observations
        for figure in figures_of(said, observed, judged, voice, {}, "replay")
        if figure.value is not None
    ]
    return report(figures, as_json=options.json, quick=options.quick)


def _parser() -> argparse.ArgumentParser:
    parser = measuring_parser("tools.evaluate replay", __doc__, quick="use 24 s of speech")
    parser.add_argument(
        "--policies", nargs="+", choices=POLICIES, default=list(POLICIES), metavar="POLICY",
        help=f"some of: {' '.join(POLICIES)}",
    )  # fmt: skip
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--rate", type=int, default=180, help="words a minute")
    parser.add_argument("--source", choices=["nl", "en"], default="nl")
    parser.add_argument("--models", type=Path, default=STARTER_MODELS)
    parser.add_argument("--cache", type=Path, default=cache_folder(), metavar="FOLDER")
    return parser
