"""One target language of one stream: clauses in; captions and speech out.

Clauses wait in a bounded queue, so that an engine that hangs holds up no other language. Each
one is translated, captioned and spoken. When that fails several times in a row, a circuit
breaker opens: listeners are told, and until it closes again clauses are only captioned.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState

from server.bus.messages import RATE_HZ, Caption, Failure, Speech
from server.interpretation.bounded import DropOldest
from server.interpretation.engines import EngineError
from server.interpretation.pacing import Pacing
from server.interpretation.shared import Shared
from server.interpretation.types import Clause, Pcm

P = ParamSpec("P")
R = TypeVar("R")

#: Speech messages are at most this long.
PIECES_PER_SECOND = 5

_log = logging.getLogger(__name__)


class Booth:
    """``now``: the latest sample of stream time. ``speaks``: whether speech is wanted, not
    only text."""

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
        self._under_way: Clause | None = None
        self._breakers = AsyncCircuitBreakerFactory(shared.limits.failures, shared.limits.retry_s)
        self._failing = False
        self._reason = ""

    def offer(self, clause: Clause) -> None:
        """Interpret ``clause`` when its turn comes. The oldest that waits may be dropped."""
        self._clauses.put(clause)

    def close(self) -> None:
        """Say what is left, then end."""
        self._clauses.close()

    def reopen(self) -> None:
        """Go on after all, if it has not ended yet."""
        self._clauses.reopen()

    @property
    def open_from(self) -> int | None:
        """The sample from which on it has something left to say."""
        oldest = self._under_way or self._clauses.oldest
        return None if oldest is None else oldest.start_sample

    async def run(self) -> None:
        """Until closed, and then until all is said."""
        try:
            while clause := await self._clauses.get():
                self._under_way = clause
                await self._interpret(clause)
                self._under_way = None
        finally:
            self._tell(False, "")

    async def _interpret(self, clause: Clause) -> None:
        breaker = await self._breakers.get_breaker(self.language)
        try:
            if not self.speaks:
                await self._write(clause)
                return
            async with breaker:
                await self._say(clause, await self._write(clause))
        except OpenedState:
            self._shared.dropped["failing"] += 1
            with suppress(EngineError):
                await self._write(clause)
        except EngineError as error:
            self._reason = str(error)
            _log.warning("%s, %s: clause dropped: %s", self._stream, self.language, error)
        self._tell(breaker.context.state == "opened", self._reason)

    async def _write(self, clause: Clause) -> str:
        """Translate and caption."""
        limit_s = self._shared.limits.translate_s
        translate = self._shared.engines.translator.translate
        text = await self._call(
            "translate", limit_s, translate, clause.text, self._source, self.language
        )
        if text:
            self._shared.publish(
                Caption(
                    stream=self._stream,
                    epoch=self._epoch,
                    language=self.language,
                    segment=clause.segment,
                    revision=0,
                    status="final",
                    start_sample=clause.start_sample,
                    end_sample=clause.end_sample,
                    text=text,
                )
            )
        return text

    async def _say(self, clause: Clause, text: str) -> None:
        """Speak ``text``, unless too much waits to be heard."""
        voice = self._shared.engines.synthesizers.get(self.language)
        if voice is None:
            raise EngineError(f"there is no voice for {self.language!r}")
        if not text:
            return
        if self.pacing.full(self._now()):
            self._shared.dropped["backlog"] += 1
            return
        scale = self.pacing.length_scale(self._now())
        limit_s = self._shared.limits.synthesize_s
        pcm = await self._call("synthesize", limit_s, voice.synthesize, text, scale)
        if len(pcm):
            self._send(clause, pcm, voice.rate_hz)

    def _send(self, clause: Clause, pcm: Pcm, rate_hz: int) -> None:
        play_at = self.pacing.place(self._now(), len(pcm) * RATE_HZ // rate_hz)
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

    def _tell(self, failing: bool, reason: str) -> None:
        """Tell of failing when it begins and ends, and with each clause in between, because
        the bus may lose a message."""
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

    def _drop(self, clause: Clause) -> None:
        self._shared.dropped["clauses"] += 1
