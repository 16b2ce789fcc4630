"""Speaks one target language of one stream: parts of the interpretation in; speech out.

When this fails several times in a row, a circuit breaker opens: listeners are told, and until it
closes, nothing is spoken.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from types import SimpleNamespace

import purgatory.domain.model
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from server.bus.messages import RATE_HZ, Failure, FailureReason, Speech
from server.interpretation.bounded import DropOldest
from server.interpretation.engines import EngineError, Synthesizer
from server.interpretation.joins import tapered
from server.interpretation.lanes import Overrun
from server.interpretation.loudness import Leveller
from server.interpretation.pacing import Pacing
from server.interpretation.parts import Part, joined
from server.interpretation.shared import Shared
from server.interpretation.types import Clause, Pcm, Target

#: Speech is sent in messages of at most 1/5 s.
PIECES_PER_SECOND = 5
#: How often to check whether it is time to synthesize the next part.
LOOK_S = 0.1

_log = logging.getLogger(__name__)

# A circuit is closed again by time.time(): for hours not, if the clock is set back.
purgatory.domain.model.time = SimpleNamespace(time=time.monotonic)  # type: ignore[attr-defined, assignment]


class Speaking:
    """The voice of ``target``. ``now``: returns the latest sample of stream time. ``mark``: marks
    the caption of a clause that is not heard. ``wanted``: whether somebody listens; if not,
    nothing is synthesized."""

    def __init__(
        self,
        shared: Shared,
        target: Target,
        now: Callable[[], int],
        mark: Callable[[Clause], None],
    ) -> None:
        self.wanted = False
        self.pacing = Pacing()
        self._shared = shared
        self._target = target
        self._now = now
        self._mark = mark
        self._parts = DropOldest[Part](shared.limits.waiting_clauses, self._drop)
        self._current: Part | None = None  # the part being synthesized
        self._leveller = Leveller()
        self._breakers = AsyncCircuitBreakerFactory(shared.limits.failures, shared.limits.retry_s)
        self._failing = False
        self._reason: FailureReason = ""

    def put(self, part: Part) -> None:
        """Queue ``part``. If the queue is full, the oldest part is dropped."""
        self._parts.put(part, joined)

    def close(self) -> None:
        """Speak what is queued, then end."""
        self._parts.close()

    def reopen(self) -> None:
        """Take parts again."""
        self._parts.reopen()

    @property
    def oldest(self) -> Clause | None:
        """The clause of the oldest part in work or queued; None if there is none."""
        part = self._current or self._parts.oldest
        return None if part is None else part.clause

    async def run(self) -> None:
        """Speak until closed and nothing is left."""
        while part := await self._parts.get():
            self._current = part
            await self._speak(part)
            self._current = None
            await self._until_needed()

    def end(self) -> None:
        """Tell listeners that nothing fails any more: nothing is spoken from now on."""
        self._tell(False, "")

    def skip(self, clause: Clause) -> None:
        """Take note that ``clause`` is not spoken, and mark its caption."""
        if self.wanted:
            self.pacing.skipped(self._now())
        self._mark(clause)

    async def _until_needed(self) -> None:
        """Wait until it is time to synthesize the next part. Stream time may run faster than the
        clock, when audio is replayed, or stand still, when the speaker is paused."""
        clock = asyncio.get_running_loop().time
        latest_s = clock() + self.pacing.ahead(self._now()) / RATE_HZ
        while (ahead := self.pacing.ahead(self._now())) and (left_s := latest_s - clock()) > 0:
            await asyncio.sleep(min(ahead / RATE_HZ, left_s, LOOK_S))

    async def _speak(self, part: Part) -> None:
        breaker = await self._breakers.get_breaker(self._target.language)
        try:
            async with breaker:
                if isinstance(part.text, EngineError):
                    raise part.text
                if self.wanted and part.text:
                    await self._say(part, part.text)
        except OpenedState:
            self._shared.dropped["failing"] += 1
            self._lose(part)
        except EngineError as error:
            self._reason = "slow" if isinstance(error, Overrun) else "broken"
            self._lose(part)
            _log.warning(
                "%s, %s: clause dropped: %s", self._target.stream, self._target.language, error
            )
        mute = self.wanted and self.pacing.mute(self._now())
        self._tell(mute or breaker.context.state == "opened", self._reason or "slow")

    async def _say(self, part: Part, text: str) -> None:
        """Synthesize and send ``text``, unless it would be heard too late. Raises EngineError."""
        voice = self._shared.engines.synthesizers.get(self._target.language)
        if voice is None:
            raise EngineError(f"there is no voice for {self._target.language!r}")
        source_end = part.clause.end_sample
        if self.pacing.too_late(self._now(), source_end):
            self._shared.dropped["backlog"] += 1
            self._reason = "slow"
            self._lose(part)
            return
        scale = self.pacing.length_scale(self._now(), source_end)
        pcm = await self._shared.call(
            "synthesize", self._target.language, self._made, voice, text, scale
        )
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
                    stream=self._target.stream,
                    epoch=self._target.epoch,
                    language=self._target.language,
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

    def _drop(self, part: Part) -> None:
        self._shared.dropped["clauses"] += 1
        self._lose(part)

    def _lose(self, part: Part) -> None:
        """Skip a part that should have been spoken. A failed translation of a growing segment is
        not skipped: the next one covers it."""
        untranslated = isinstance(part.text, EngineError) and part.clause.ended
        unspoken = self.wanted and isinstance(part.text, str) and part.text
        if untranslated or unspoken:
            self.skip(part.clause)

    def _tell(self, failing: bool, reason: FailureReason) -> None:
        """Publish a Failure when ``failing`` changes, and repeat it with each clause while it is
        true, because the bus may lose a message."""
        if failing or self._failing:
            self._shared.publish(
                Failure(
                    stream=self._target.stream,
                    epoch=self._target.epoch,
                    language=self._target.language,
                    failing=failing,
                    reason=reason if failing else "",
                )
            )
        self._failing = failing
