"""Tells the media process which language is spoken in a stream, while it is interpreted.

It has a thread of its own, and recognition waits for it never: what fails here is counted, and the
next speech is asked about.
"""

import asyncio
import logging

from server.bus import messages
from server.bus.messages import Demand
from server.interpretation.engines import EngineError
from server.interpretation.shared import Shared
from server.interpretation.spoken import Spoken
from server.interpretation.types import Pcm, Transcript

_log = logging.getLogger(__name__)


class Identifying:
    """One stream's in one epoch; idle while nothing tells languages apart."""

    def __init__(self, shared: Shared, demand: Demand) -> None:
        self.among = demand.among
        self._shared = shared
        self._stream, self._epoch = demand.stream, demand.epoch
        self._spoken = Spoken(demand.source)
        self._due = asyncio.Event()

    def hear(self, start_sample: int, pcm: Pcm) -> None:
        """The stream's next speech."""
        if self._shared.engines.identifier is not None:
            self._spoken.hear(start_sample, pcm)
            if self._spoken.due:
                self._due.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._due.wait()
            self._due.clear()
            await self._identify()

    async def _identify(self) -> None:
        # Asked for each time: there may be other models.
        identifier = self._shared.engines.identifier
        if identifier is None:
            return
        lane = self._shared.lanes.lane("identify")
        window = self._spoken.window()
        try:
            found = await lane.call(self._shared.limits.recognize_s, identifier.identify, window)
        except EngineError as error:
            _log.info("%s: which language is spoken is not known: %s", self._stream, error)
            self._shared.dropped["identify"] += 1
            return
        if verdict := self._spoken.judge(found, self.among):
            self._shared.publish(
                messages.Spoken(
                    stream=self._stream,
                    epoch=self._epoch,
                    language=verdict.language,
                    probability=verdict.probability,
                    sample=verdict.sample,
                )
            )


class Deaf:
    """A recogniser that understands nothing: while it is not known which language is spoken."""

    pause_samples = None

    language = messages.AUTO

    def stream(self) -> "Deaf":
        """Itself: it keeps nothing of a speaker."""
        return self

    def accept(self, pcm: Pcm) -> Transcript | None:
        """Nothing is recognised."""
        return None

    def finish(self) -> Transcript | None:
        """Nothing is recognised."""
        return None
