"""Detects the language of a stream and reports it to the media process.

It runs in a thread of its own, so recognition never waits for it. A failure is counted, and the
next speech is tried.
"""

import asyncio
import logging

from server.bus import messages
from server.bus.messages import Demand
from server.interpretation.engines import EngineError
from server.interpretation.lanes import as_engine_error
from server.interpretation.shared import Shared
from server.interpretation.spoken import Spoken
from server.interpretation.types import Pcm, Transcript

_log = logging.getLogger(__name__)


class Identifying:
    """Language detection for one stream in one epoch. It does nothing if no installed model can
    identify languages."""

    def __init__(self, shared: Shared, demand: Demand) -> None:
        self.among = demand.among
        self._shared = shared
        self._stream, self._epoch = demand.stream, demand.epoch
        self._spoken = Spoken(demand.source)
        self._due = asyncio.Event()

    def hear(self, start_sample: int, pcm: Pcm) -> None:
        """Take the stream's next speech: 16 kHz mono int16."""
        if self._shared.engines.identifier is not None:
            self._spoken.hear(start_sample, pcm)
            if self._spoken.due:
                self._due.set()

    async def run(self) -> None:
        """Identify each window of speech, until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            await self._identify()

    async def _identify(self) -> None:
        # Read each time, because the models may have changed.
        identifier = self._shared.engines.identifier
        if identifier is None:
            return
        lane = self._shared.lanes.lane("identify")
        window = self._spoken.window()
        try:
            with as_engine_error("identify"):
                limit_s = self._shared.limits.recognize_s
                found = await lane.call(limit_s, identifier.identify, window)
        except EngineError as error:
            _log.info("%s: the language could not be identified: %s", self._stream, error)
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
    """A recogniser that recognises nothing, used while the spoken language is not known yet."""

    pause_samples = None

    language = messages.AUTO

    def stream(self) -> "Deaf":
        """Itself: it has no state."""
        return self

    def accept(self, pcm: Pcm) -> Transcript | None:
        """Ignore ``pcm``."""
        return None

    def finish(self) -> Transcript | None:
        """None: nothing was recognised."""
        return None
