"""Interprets one stream in one epoch: audio in; captions, speech and Committed messages out.

- Audio reaches the recogniser in order, each sample once; missing samples are filled with silence.
- A failure in one target language affects only that language.
- ``Committed.sample`` never falls. All audio before it is interpreted into every language.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

import numpy as np
from msgspec.structs import replace

from server.bus.messages import AUTO, RATE_HZ, AudioChunk, Caption, Committed, Demand
from server.interpretation.booth import Booth
from server.interpretation.bounded import DropOldest
from server.interpretation.engines import EngineError
from server.interpretation.gate import Gate
from server.interpretation.identifying import Deaf, Identifying
from server.interpretation.lanes import as_engine_error
from server.interpretation.segmenter import Segmenter
from server.interpretation.shared import Shared
from server.interpretation.types import Clause, Target, Transcript

P = ParamSpec("P")
R = TypeVar("R")

#: A gap in the audio up to this long is filled with silence; a longer one restarts recognition.
MAX_GAP_SAMPLES = 2 * RATE_HZ
COMMIT_SAMPLES = RATE_HZ // 2
#: The first segment number is derived from epoch and time, so that numbers also rise when an
#: interpreter restarts: this many per epoch, one per 100 ms (enough for 27 hours).
SEGMENTS_PER_EPOCH = 1_000_000
SEGMENT_SAMPLES = RATE_HZ // 10

_log = logging.getLogger(__name__)


class Interpreter:
    """Interprets one stream in one epoch. ``demand``: its source has a recogniser, or is AUTO; then
    only the language is detected. ``first_sample``: where the audio begins."""

    def __init__(self, shared: Shared, demand: Demand, first_sample: int) -> None:
        self.stream = demand.stream
        self.epoch = demand.epoch
        self._shared = shared
        self._demand = demand
        recognizers = shared.engines.recognizers
        self._recognizer = Deaf() if demand.source == AUTO else recognizers[demand.source]
        self._lane = shared.lanes.hearing(demand.stream)
        self._identifying = Identifying(shared, demand)
        first_segment = demand.epoch * SEGMENTS_PER_EPOCH + first_sample // SEGMENT_SAMPLES
        self._segmenter = Segmenter(demand.source, first_segment, shared.policy)
        self._listening: Gate | None = None
        self._listening_from = 0
        self._booths: dict[str, Booth] = {}
        self._audio = DropOldest[AudioChunk](
            round(shared.limits.waiting_audio_s * RATE_HZ), self._drop, lambda chunk: chunk.samples
        )
        self._quiet_s = 0.0  # since the latest sound
        self._now = first_sample  # end of the audio received
        self._heard = first_sample  # end of the audio passed to the recogniser
        self._finished = first_sample  # end of the audio whose words are all final
        self._settled = self._committed = first_sample

    def demand(self, demand: Demand) -> None:
        """Replace the demand. Targets may change; the source may not."""
        self._demand = demand
        self._identifying.among = demand.among

    def hear(self, chunk: AudioChunk) -> None:
        """Queue the stream's next audio. If the queue is full, the oldest is dropped."""
        self._now = max(self._now, chunk.end_sample)
        self._audio.put(chunk)

    def close(self) -> None:
        """Interpret what is queued, then end."""
        self._audio.close()

    async def run(self) -> None:
        """Interpret until closed and nothing is left."""
        async with asyncio.TaskGroup() as group:
            identifying = group.create_task(self._identifying.run(), name=f"{self.stream}/spoken")
            while True:
                self._staff(group)
                try:
                    async with asyncio.timeout(self._shared.limits.quiet_s):
                        chunk = await self._audio.get()
                except TimeoutError:
                    await self._quiet()
                    continue
                if chunk is None:
                    break
                await self._hear(chunk)
            await self._finish()
            identifying.cancel()
            for booth in self._booths.values():
                booth.close()

    def _staff(self, group: asyncio.TaskGroup) -> None:
        """Open and close booths as the demand says."""
        demand = self._demand
        wanted = {*demand.speech, *demand.text} - {demand.source}
        for language in sorted(wanted - self._booths.keys()):
            target = Target(self.stream, self.epoch, demand.source, language)
            booth = self._booths[language] = Booth(self._shared, target, lambda: self._now)
            group.create_task(self._run(booth), name=f"{self.stream}/{language}")
        for language, booth in self._booths.items():
            if language in wanted:
                booth.speaking.wanted = language in demand.speech
                booth.reopen()
            else:
                booth.close()

    async def _run(self, booth: Booth) -> None:
        await booth.run()
        del self._booths[booth.target.language]

    async def _hear(self, chunk: AudioChunk) -> None:
        self._quiet_s = 0.0
        start, pcm = chunk.start_sample, np.frombuffer(chunk.pcm, np.int16, chunk.samples)
        gap = start - self._heard
        if gap > MAX_GAP_SAMPLES:
            await self._finish()
            self._listening = None
        elif gap < 0:  # a part was passed on already
            start, pcm = self._heard, pcm[-gap:]
        elif gap and self._listening is not None:
            pcm = np.concatenate([np.zeros(gap, np.int16), pcm])
        if not len(pcm):
            return
        if self._listening is None:
            self._listening = await self._call(self._gate)
            self._listening_from = start
        if self._listening is not None:
            transcript = await self._call(self._listening.accept, pcm)
            quiet_samples = self._listening.quiet_samples if self._listening else 0
            self._take(transcript, quiet_samples, chunk.end_sample)
            if self._listening and self._listening.speaks:
                self._identifying.hear(chunk.end_sample - len(pcm), pcm)
        self._heard = max(self._heard, chunk.end_sample)
        self._commit(self._segmenter.settled(self._heard), COMMIT_SAMPLES)

    def _gate(self) -> Gate:
        """Called in the recogniser's thread. Makes a new detector each time: the old one may still
        be working on a call that timed out, and holds part of a window."""
        detector = self._shared.engines.detector
        return Gate(self._recognizer.stream(), detector() if detector else None)

    async def _quiet(self) -> None:
        """No audio came for ``quiet_s``: make the last words final. After ``forget_s``, free the
        recogniser's state: it uses much memory, and may keep an old model alive. Recognition
        restarts with the next audio."""
        await self._finish()
        self._quiet_s += self._shared.limits.quiet_s
        if self._quiet_s >= self._shared.limits.forget_s:
            self._listening = None
        still = round(self._shared.limits.quiet_s * RATE_HZ)
        for booth in self._booths.values():
            booth.speaking.pacing.stood_still(still)

    async def _finish(self) -> None:
        """Make the last words final. More audio may follow."""
        if self._listening is not None and self._heard > self._finished:
            self._take(await self._call(self._listening.finish), 0, self._heard)
        self._finished = self._heard
        self._commit(self._heard, 1)

    async def _call(self, function: Callable[P, R], *args: P.args, **kw: P.kwargs) -> R | None:
        """Call the recogniser in its thread. If that fails, this audio is lost (None), the words
        recognised before are emitted, and recognition restarts with the next audio."""
        try:
            with as_engine_error("recognize"):
                return await self._lane.call(self._shared.limits.recognize_s, function, *args, **kw)
        except EngineError as error:
            _log.warning("%s: recognition restarts: %s", self.stream, error)
            self._shared.dropped["recognize"] += 1
            self._listening = None
            self._emit(self._segmenter.finish())
            return None

    def _take(self, transcript: Transcript | None, quiet_samples: int, heard_sample: int) -> None:
        if transcript is not None:
            transcript = transcript.shifted(self._listening_from)
        self._emit(self._segmenter.feed(transcript, heard_sample, quiet_samples))

    def _emit(self, news: Iterable[Clause | Caption]) -> None:
        for each in news:
            match each:
                case Clause():
                    for booth in self._booths.values():
                        booth.offer(each)
                case Caption() if self._demand.captions:
                    self._shared.publish(replace(each, stream=self.stream, epoch=self.epoch))

    def _commit(self, settled: int, step: int) -> None:
        """All audio up to ``settled`` is in clauses. Publish a Committed message if it moves on by
        at least ``step`` samples; never while the language is unknown, because then all audio is
        needed again."""
        if self._demand.source == AUTO:
            return
        self._settled = max(self._settled, settled)
        waiting = (booth.open_from for booth in self._booths.values())
        sample = min([self._settled, *(each for each in waiting if each is not None)])
        if sample - self._committed >= step:
            self._committed = sample
            self._shared.publish(Committed(stream=self.stream, epoch=self.epoch, sample=sample))

    def _drop(self, chunk: AudioChunk) -> None:
        self._shared.dropped["audio"] += 1
