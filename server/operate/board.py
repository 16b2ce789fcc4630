"""How the server and its streams are now, for operators: one state for all who look.

It is made anew when somebody joins, leaves or is refused, and every LOOK_S, but only while an
operator looks. It has counts, never a row for each listener, and no nulls (see ``patch``). Strips
are kept all the time, so that whoever opens the page sees the last ten minutes.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from server.bus.supervisor import Readiness
from server.models.catalogue import Catalogue
from server.operate.patch import Json
from server.operate.strips import Cpu, Strips
from server.streams.context import StreamContext
from server.streams.live_stream import LiveStream
from server.streams.live_streams import LiveStreams
from server.streams.registry import ConnectionManager, Stream, language_of

#: How often the state is made anew while nothing is noted, and at most.
LOOK_S: Final = 0.5
LEAST_S: Final = 0.25
#: How often values are taken for the strips.
SAMPLE_S: Final = 1.0
#: The strip of the interpreter's load; no stream has this name.
LOAD: Final = ""


class Board:
    """``state``: the present one, as JSON. ``run`` must be running. ``machines``: those that are
    joined, by name; none if there is only this one. ``drain``: lets the streams of one that
    interprets go to others, or stay again; returns whether there is one of this name."""

    def __init__(
        self,
        manager: ConnectionManager,
        live: LiveStreams,
        context: StreamContext,
        supervisor: Readiness,
    ) -> None:
        self.state: Json = {}
        self.operators = 0
        self._manager = manager
        self._live = live
        self._context = context
        self._supervisor = supervisor
        self.machines: Callable[[], Json] = dict
        self.drain: Callable[[str, bool], bool] = lambda name, on: False
        self._strips = Strips()
        self._cpu = Cpu()
        self._own_cores = 0.0
        self._was_ready: int | None = None
        self._noted = asyncio.Event()
        self._made = asyncio.Event()
        context.logbook.changed = self._noted.set

    @contextmanager
    def watched(self) -> Iterator[None]:
        """While the body runs, an operator looks."""
        self.operators += 1
        self.state = self._make()
        try:
            yield
        finally:
            self.operators -= 1

    async def changed(self, within_s: float) -> None:
        """Wait until the state was made anew; not longer than ``within_s``."""
        try:
            async with asyncio.timeout(within_s):
                await self._made.wait()
        except TimeoutError:
            pass

    async def run(self) -> None:
        """Make states and take samples until cancelled."""
        sampled_s = -SAMPLE_S
        while True:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._noted.wait()
            except TimeoutError:
                pass
            self._noted.clear()
            if time.monotonic() - sampled_s >= SAMPLE_S:
                sampled_s = time.monotonic()
                self._sample(sampled_s)
            if self.operators:
                self.state = self._make()
                self._made.set()
                self._made = asyncio.Event()
            await asyncio.sleep(LEAST_S)

    def _sample(self, now_s: float) -> None:
        self._own_cores = self._cpu.latest()
        was, now = self._was_ready, self._supervisor.restarts if self._supervisor.ready else None
        if now is not None and now != was:  # a spare one may have taken over in between
            self._context.logbook.interpreter("ready")
        self._was_ready = now
        late = {live.stream.id: live.figures.most_lag_s for live in self._live}
        self._strips.add({LOAD: self._context.admission.load, **late}, now_s)

    # --- the state ----------------------------------------------------------------------------

    def _make(self) -> Json:
        streams = [each for each in self._live if not each.stream.is_private]
        entries = self._context.logbook.entries
        return {
            "server": self._server(),
            "streams": {each.stream.id: self._stream(each) for each in streams},
            "machines": self.machines(),
            "news": {str(n): msgspec.to_builtins(each) for n, each in entries.items()},
        }

    def _server(self) -> Json:
        everybody = sum(each.listening for each in self._manager.streams.values())
        return {
            "ready": self._supervisor.ready,
            "restarts": self._supervisor.restarts,
            "why_lost": self._supervisor.why_lost,
            "stopping": self._manager.draining,
            "listeners": everybody,
            "cores": len(os.sched_getaffinity(0)),
            "load": round(self._context.admission.load, 1),
            "own_load": round(self._own_cores, 1),
            "strip": self._strips.of(LOAD),
        }

    def _stream(self, live: LiveStream) -> Json:
        stream, catalogue = live.stream, self._context.models.catalogue
        source = stream.source or ""
        ear = catalogue.recognizers.get(source)
        hear, read = _wanted(stream)
        return {
            "state": stream.state,
            "source": source,
            "auto": stream.auto,
            "speaker": stream.speaker is not None,
            "panel": stream.panel,
            "hears": ear.name if ear else "",
            "listeners": stream.listening,
            "channels": stream.audience(),
            "languages": {
                each: self._language(live, catalogue, each, hear[each], read[each])
                for each in sorted({*hear, *read} - {source})
            },
            "lag_s": round(live.figures.most_lag_s, 1),
            "skipped": live.figures.skipped.total(),
            "strip": self._strips.of(stream.id),
            "recording": list(live.recorder.kinds),
            "recorded": live.recorder.is_running,
            "problem": live.recorder.problem,
            "unheard": live.statuses.unheard,
            "mismatch": live.source.mismatch,
            "notice": live.notices.posted,
        }

    def _language(
        self, live: LiveStream, catalogue: Catalogue, language: str, hear: int, read: int
    ) -> Json:
        status, reason = live.statuses.of(language)
        figures = live.figures
        lag_s = figures.lag_s(language)
        route = catalogue.route(live.stream.source or "", language)
        voice = catalogue.voices.get(language)
        made: Json = {
            "hear": hear,
            "read": read,
            "status": status,
            "reason": reason or "",
            "waits_s": round(live.playout.backlog_s(language), 1),
            "skipped": figures.skipped[language],
            "doubtful": figures.doubtful[language],
            "translates": " → ".join(catalogue.translations[pair].name for pair in route),
            "speaks": voice.name if voice else "",
        }
        return made if lag_s is None else {**made, "lag_s": round(lag_s, 1)}


def _wanted(stream: Stream) -> tuple[Counter[str], Counter[str]]:
    """How many hear each language, and how many read it."""
    hear, read = Counter[str](), Counter[str]()
    for session in stream.listeners:
        if language := language_of(session.channel or ""):
            hear[language] += max(1, session.counts)
        read.update(session.captions)
    return hear, read
