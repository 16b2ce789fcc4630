"""Interprets one stream into one target language: clauses in; captions and speech out.

Clauses wait in a bounded queue, so that a hanging engine does not delay other languages. Each is
translated and captioned. The parts to be spoken wait in a second queue, so that one clause is
translated while another is synthesized. When this fails several times in a row, a circuit breaker
opens: listeners are told, and until it closes, clauses are only captioned.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from server.bus.messages import RATE_HZ, Caption, Failure, FailureReason, Speech
from server.interpretation.bounded import DropOldest
from server.interpretation.context import Said, in_context
from server.interpretation.draft import Draft
from server.interpretation.engines import EngineError, Synthesizer
from server.interpretation.fidelity import doubts
from server.interpretation.joins import tapered
from server.interpretation.lanes import Overrun
from server.interpretation.lines import Lines
from server.interpretation.loudness import Leveller
from server.interpretation.pacing import Pacing
from server.interpretation.parts import Part, joined, longer
from server.interpretation.shared import Shared
from server.interpretation.types import Clause, Pcm

P = ParamSpec("P")
R = TypeVar("R")

#: Speech is sent in messages of at most 1/5 s.
PIECES_PER_SECOND = 5
#: A growing segment is translated in two steps if a translation takes no longer than this.
QUICK_S = 0.1
#: How often to check whether it is time to synthesize the next part.
LOOK_S = 0.1

_log = logging.getLogger(__name__)


class Booth:
    """One target language of one stream. ``now``: returns the latest sample of stream time.
    ``speaks``: whether speech is wanted, not only captions."""

    def __init__(
        self,
        shared: Shared,
        stream: str,
        epoch: int,
        source: str,
        language: str,
        now: Callable[[], int],
    ) -> None:
        self.language = language
        self.speaks = False
        self.pacing = Pacing()
        self._shared = shared
        self._stream = stream
        self._epoch = epoch
        self._source = source
        self._now = now
        self._clauses = DropOldest[Clause](shared.limits.waiting_clauses, self._drop)
        self._parts = DropOldest[Part](shared.limits.waiting_clauses, self._drop)
        self._translated: Clause | None = None  # the clause being translated
        self._spoken: Part | None = None  # the part being synthesized
        self._draft = Draft(-1)
        self._translates_quickly = False
        self._said: Said | None = None  # the latest ended clause, with its translation
        self._lines = Lines(stream, epoch, language)
        self._leveller = Leveller()
        self._breakers = AsyncCircuitBreakerFactory(shared.limits.failures, shared.limits.retry_s)
        self._failing = False
        self._reason: FailureReason = ""

    def offer(self, clause: Clause) -> None:
        """Queue ``clause``; it replaces a shorter beginning of the same segment that waits. If
        the queue is full, the oldest clause is dropped."""
        self._clauses.put(clause, longer)

    def close(self) -> None:
        """Interpret what is queued, then end."""
        self._clauses.close()

    def reopen(self) -> None:
        """Take back ``close``, if ``run`` has not ended yet."""
        self._clauses.reopen()

    @property
    def open_from(self) -> int | None:
        """The first sample not yet interpreted; None if nothing is queued or in work."""
        parts = (each.clause for each in (self._spoken, self._parts.oldest) if each)
        clauses = (each for each in (self._translated, self._clauses.oldest) if each)
        return next((each.start_sample for each in (*parts, *clauses)), None)

    async def run(self) -> None:
        """Interpret until closed and nothing is left."""
        try:
            while not self._clauses.closed:
                self._parts.reopen()
                async with asyncio.TaskGroup() as group:
                    name = f"{self._stream}/{self.language}/speak"
                    group.create_task(self._speak_all(), name=name)
                    await self._translate_all()
                    self._parts.close()
        finally:
            self._tell(False, "")

    async def _translate_all(self) -> None:
        while clause := await self._clauses.get():
            self._translated = clause
            if clause.segment != self._draft.segment:
                self._publish(self._lines.end())
                self._draft = Draft(clause.segment)
            text = await self._translate(clause)
            if text or clause.ended:
                self._parts.put(Part(clause, self._draft.parts, text), joined)
            self._translated = None

    async def _translate(self, clause: Clause) -> str | EngineError:
        """Translate and caption. Returns the text to speak ("" for none), or the error if the
        translator failed."""
        draft, limit_s = self._draft, self._shared.limits.translate_s
        clock = asyncio.get_running_loop().time
        translator = self._shared.engines.translator

        def translate(text: str, prefix: str) -> str:
            return translator.translate(text, self._source, self.language, prefix)

        text = ""
        try:
            for beginning in draft.beginnings(clause, self._source, self._translates_quickly):
                began_s = clock()
                whole = await self._call(
                    "translate", limit_s, in_context, translate, beginning, draft.text, self._said
                )
                self._translates_quickly = clock() - began_s <= QUICK_S
                text = f"{text} {draft.revise(beginning.text, whole, beginning.ended)}".strip()
        except EngineError as error:
            if not text:
                return error
        if clause.ended:
            self._said = Said(clause, draft.text)
        if text:
            doubtful = clause.ended and bool(
                doubts(clause.text, draft.text, self._source, self.language)
            )
            self._publish(self._lines.write(clause, draft.text, doubtful))
        elif clause.ended:
            self._publish(self._lines.end())
        return text

    async def _speak_all(self) -> None:
        while part := await self._parts.get():
            self._spoken = part
            await self._speak(part)
            self._spoken = None
            await self._until_needed()

    async def _until_needed(self) -> None:
        """Wait until it is time to synthesize the next part. Stream time may run faster than the
        clock, when audio is replayed, or stand still, when the speaker is paused."""
        clock = asyncio.get_running_loop().time
        latest_s = clock() + self.pacing.ahead(self._now()) / RATE_HZ
        while (ahead := self.pacing.ahead(self._now())) and (left_s := latest_s - clock()) > 0:
            await asyncio.sleep(min(ahead / RATE_HZ, left_s, LOOK_S))

    async def _speak(self, part: Part) -> None:
        breaker = await self._breakers.get_breaker(self.language)
        try:
            async with breaker:
                if isinstance(part.text, EngineError):
                    raise part.text
                if self.speaks and part.text:
                    await self._say(part, part.text)
        except OpenedState:
            self._shared.dropped["failing"] += 1
            self._skip(part)
        except EngineError as error:
            self._reason = "slow" if isinstance(error, Overrun) else "broken"
            self._skip(part)
            _log.warning("%s, %s: clause dropped: %s", self._stream, self.language, error)
        mute = self.speaks and self.pacing.mute(self._now())
        self._tell(mute or breaker.context.state == "opened", self._reason or "slow")

    async def _say(self, part: Part, text: str) -> None:
        """Synthesize and send ``text``, unless it would be heard too late. Raises EngineError."""
        voice = self._shared.engines.synthesizers.get(self.language)
        if voice is None:
            raise EngineError(f"there is no voice for {self.language!r}")
        source_end = part.clause.end_sample
        if self.pacing.too_late(self._now(), source_end):
            self._shared.dropped["backlog"] += 1
            self._reason = "slow"
            self._skip(part)
            return
        scale = self.pacing.length_scale(self._now(), source_end)
        limit_s = self._shared.limits.synthesize_s
        pcm = await self._call("synthesize", limit_s, self._made, voice, text, scale)
        if len(pcm):
            self._send(part, pcm, voice.rate_hz)

    def _made(self, voice: Synthesizer, text: str, scale: float) -> Pcm:
        """``text`` spoken by ``voice``, with its silence trimmed and its loudness levelled."""
        pcm = tapered(voice.synthesize(text, scale), voice.rate_hz)
        return self._leveller.levelled(pcm, voice.rate_hz)

    def _send(self, part: Part, pcm: Pcm, rate_hz: int) -> None:
        clause = part.clause
        samples = len(pcm) * RATE_HZ // rate_hz
        play_at = self.pacing.place(self._now(), clause.segment, samples)
        step = rate_hz // PIECES_PER_SECOND
        for start in range(0, len(pcm), step):
            self._shared.publish(
                Speech(
                    stream=self._stream,
                    epoch=self._epoch,
                    language=self.language,
                    segment=clause.segment,
                    play_at=play_at + start * RATE_HZ // rate_hz,
                    start_sample=clause.start_sample,
                    end_sample=clause.end_sample,
                    rate_hz=rate_hz,
                    pcm=pcm[start : start + step].tobytes(),
                    last=start + step >= len(pcm),
                    part=part.number,
                )
            )

    async def _call(
        self, stage: str, limit_s: float, function: Callable[P, R], *args: P.args, **kw: P.kwargs
    ) -> R:
        try:
            lane = self._shared.lanes.lane(stage, self.language)
            return await lane.call(limit_s, function, *args, **kw)
        except EngineError:
            self._shared.dropped[stage] += 1
            raise

    def _tell(self, failing: bool, reason: FailureReason) -> None:
        """Publish a Failure when ``failing`` changes, and repeat it with each clause while it is
        true, because the bus may lose a message."""
        if failing or self._failing:
            self._shared.publish(
                Failure(
                    stream=self._stream,
                    epoch=self._epoch,
                    language=self.language,
                    failing=failing,
                    reason=reason if failing else "",
                )
            )
        self._failing = failing

    def _drop(self, dropped: Clause | Part) -> None:
        self._shared.dropped["clauses"] += 1
        if isinstance(dropped, Clause):
            self._mark(dropped)
        else:
            self._skip(dropped)

    def _skip(self, part: Part) -> None:
        """Mark the caption of a part that should have been spoken and is not. A failed translation
        of a growing segment is not marked: the next one covers it."""
        untranslated = isinstance(part.text, EngineError) and part.clause.ended
        unspoken = self.speaks and isinstance(part.text, str) and part.text
        if untranslated or unspoken:
            self._mark(part.clause)

    def _mark(self, clause: Clause) -> None:
        if self.speaks:
            self.pacing.skipped(self._now())
        self._publish(self._lines.skip(clause))

    def _publish(self, line: Caption | None) -> None:
        if line is not None:
            self._shared.publish(line)
