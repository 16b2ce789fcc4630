"""Interprets one stream into one target language: clauses in; captions and speech out.

Clauses wait in a bounded queue, so that a hanging engine does not delay other languages. Each is
translated and captioned. The parts to be spoken wait in a second queue (see ``speaking``), so that
one clause is translated while another is synthesized.
"""

import asyncio
from collections.abc import Callable

from server.bus.messages import Caption
from server.interpretation.bounded import DropOldest
from server.interpretation.context import Said, in_context
from server.interpretation.draft import Draft
from server.interpretation.engines import EngineError
from server.interpretation.fidelity import doubts
from server.interpretation.lines import Lines
from server.interpretation.parts import Part, longer
from server.interpretation.shared import Shared
from server.interpretation.speaking import Speaking
from server.interpretation.types import Clause, Target

#: A growing segment is translated in two steps if a translation takes no longer than this.
QUICK_S = 0.1


class Booth:
    """One target language of one stream. ``now``: returns the latest sample of stream time."""

    def __init__(self, shared: Shared, target: Target, now: Callable[[], int]) -> None:
        self.target = target
        self.speaking = Speaking(shared, target, now, self._mark)
        self._shared = shared
        self._clauses = DropOldest[Clause](shared.limits.waiting_clauses, self._drop)
        self._current: Clause | None = None  # the clause being translated
        self._draft = Draft(-1)
        self._translates_quickly = False
        self._said: Said | None = None  # the latest ended clause, with its translation
        self._lines = Lines(target.stream, target.epoch, target.language)

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
        waiting = (self.speaking.oldest, self._current, self._clauses.oldest)
        return next((each.start_sample for each in waiting if each), None)

    async def run(self) -> None:
        """Interpret until closed and nothing is left."""
        try:
            while not self._clauses.closed or self._clauses.oldest is not None:
                self.speaking.reopen()
                async with asyncio.TaskGroup() as group:
                    name = f"{self.target.stream}/{self.target.language}/speak"
                    group.create_task(self.speaking.run(), name=name)
                    await self._translate_all()
                    self.speaking.close()
            self._publish(self._lines.end())
        finally:
            self.speaking.end()

    async def _translate_all(self) -> None:
        while clause := await self._clauses.get():
            self._current = clause
            if clause.segment != self._draft.segment:
                self._publish(self._lines.end())
                self._draft = Draft(clause.segment)
            text = await self._translate(clause)
            if text or clause.ended:
                self.speaking.put(Part(clause, self._draft.parts, text))
            self._current = None

    async def _translate(self, clause: Clause) -> str | EngineError:
        """Translate and caption. Returns the text to speak ("" for none), or the error if the
        translator failed."""
        draft, source, language = self._draft, self.target.source, self.target.language
        clock = asyncio.get_running_loop().time
        translator = self._shared.engines.translator

        def translate(text: str, prefix: str) -> str:
            return translator.translate(text, source, language, prefix)

        text = ""
        try:
            for beginning in draft.beginnings(clause, source, self._translates_quickly):
                began_s = clock()
                whole = await self._shared.call(
                    "translate", language, in_context, translate, beginning, draft.text, self._said
                )
                self._translates_quickly = clock() - began_s <= QUICK_S
                text = f"{text} {draft.revise(beginning.text, whole, beginning.ended)}".strip()
        except EngineError as error:
            if not text:
                return error
        if clause.ended:
            self._said = Said(clause, draft.text)
        if text:
            doubtful = clause.ended and bool(doubts(clause.text, draft.text, source, language))
            self._publish(self._lines.write(clause, draft.text, doubtful))
        elif clause.ended:
            self._publish(self._lines.end())
        return text

    def _drop(self, clause: Clause) -> None:
        self._shared.dropped["clauses"] += 1
        self.speaking.skip(clause)

    def _mark(self, clause: Clause) -> None:
        self._publish(self._lines.skip(clause))

    def _publish(self, line: Caption | None) -> None:
        if line is not None:
            self._shared.publish(line)
