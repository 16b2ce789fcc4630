"""All live streams: gives them the interpreter's messages, and looks after them once a second."""

import asyncio
import logging
import time
from collections.abc import Collection, Iterator

import msgspec

from server.bus.messages import Demand, Heartbeat, Models, Unexpected
from server.bus.supervisor import Readiness
from server.models.moving import Moves
from server.process import logged
from server.recording.recorder import Recorder
from server.streams.context import StreamContext
from server.streams.glossaries import Glossaries
from server.streams.live_stream import LiveStream
from server.streams.registry import ConnectionManager, Stream
from signaling.messages import State

REFRESH_S = 1.0

_log = logging.getLogger(__name__)


class LiveStreams:
    """Makes a LiveStream for each stream that somebody joins, and removes it with the stream."""

    def __init__(
        self, manager: ConnectionManager, glossaries: Glossaries, context: StreamContext
    ) -> None:
        self._manager = manager
        self._glossaries = glossaries
        glossaries.in_use = manager.streams
        self._context = context
        self._metrics = context.metrics
        self._live: dict[str, LiveStream] = {}
        self._first_epoch = 0  # higher than any of a stream that was removed
        self._interpreter_ready = False
        self._measured = ""  # the interpreter process whose load is known

    def __iter__(self) -> Iterator[LiveStream]:
        return iter(list(self._live.values()))

    def of(self, stream: Stream) -> LiveStream:
        """The stream's LiveStream, made at the first call."""
        live = self._live.get(stream.id)
        if live is None:
            live = self._live[stream.id] = LiveStream(stream, self._context, self._first_epoch)
            self._context.pacer.add(live.playout)
            if self._interpreter_ready:
                live.interpreter_ready()
        return live

    def recorder(self, stream_id: str) -> Recorder | None:
        """The recorder of a stream, if the stream exists."""
        live = self._live.get(stream_id)
        return None if live is None else live.recorder

    def state(self, stream_id: str) -> State | None:
        """The state of a stream, if the stream exists."""
        live = self._live.get(stream_id)
        return None if live is None else live.state

    async def close(self) -> None:
        """End all recordings, and wait until they are written."""
        for live in self:
            live.recorder.finish()
        await self._context.recordings.close()

    def interpreter_lost(
        self, streams: Collection[str] | None = None, others: bool = False, died: bool = True
    ) -> None:
        """An interpreter was lost, and with it these streams; None: all. ``others``: there are
        other ones, which take the streams over at once; if not, no stream has one. ``died``:
        perhaps of its audio; not if a link was lost."""
        self._interpreter_ready = others
        self._metrics.interpreter_ready.set(others)
        self._metrics.interpreter_restarts.inc()
        for live in self:
            if streams is None or not others or live.stream.id in streams:
                live.interpreter_lost(died)
        if others:
            self.interpreter_ready()

    def interpreter_ready(self) -> None:
        """An interpreter is ready: it takes the streams that have none."""
        self._interpreter_ready = True
        self._metrics.interpreter_ready.set(1)
        for live in self:
            if not live.statuses.ready:
                live.interpreter_ready()
                self.publish_glossary(live.stream.id)

    def models_changed(self) -> None:
        """Other languages can be spoken and heard from now on: tell everybody."""
        for live in self:
            live.announce()

    async def dispatch(self, supervisor: Readiness, moves: Moves) -> None:
        """Give every message of the interpreter to the object that handles it, until cancelled."""
        while True:
            message = await self._context.bus.receive()
            if isinstance(message, Heartbeat):
                supervisor.heard(message)
                moves.heard(message, message.ready and supervisor.ready)
                self._note(message)
                if supervisor.ready and not self._interpreter_ready:
                    self.interpreter_ready()
            elif isinstance(message, Models):
                moves.told(message)
            elif isinstance(message, Unexpected):
                self._glossaries.told(message)
            elif concerned := self._live.get(message.stream):
                with logged(f"stream {message.stream}"):
                    concerned.receive(message)

    async def keep_house(self) -> None:
        """Once a second, until cancelled: repeat demands, remove empty streams, set gauges."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += REFRESH_S
            await asyncio.sleep(due - loop.time())
            self._metrics.loop_lag.set(max(0.0, loop.time() - due))
            due = max(due, loop.time() - REFRESH_S)
            self._manager.expire(loop.time(), self._removed)
            self._context.recordings.tidy()
            self._context.admission.contention.ticks(self._context.pacer.skipped, time.monotonic())
            for live in self:
                with logged(f"stream {live.stream.id}"):
                    live.refresh()
                    self.publish_glossary(live.stream.id)
            self._gauge()

    def publish_glossary(self, stream_id: str) -> None:
        """Send the interpreter the stream's glossary, if it has one."""
        live = self._live.get(stream_id)
        if live is not None and live.source.demanded is not None and self._interpreter_ready:
            whose = live.stream.rehearses or stream_id
            if message := self._glossaries.message(whose, live.epoch):
                self._context.bus.publish(msgspec.structs.replace(message, stream=stream_id))

    def _removed(self, stream: Stream) -> None:
        self._context.admission.admit(stream.id, (), time.monotonic())
        self._context.admission.hear(stream.id, False, time.monotonic())
        gone = self._live.pop(stream.id, None)
        if gone is not None:
            self._first_epoch = max(self._first_epoch, gone.epoch + 1)
            self._end(gone)
            self._context.pacer.remove(gone.playout)
            gone.recorder.finish()
            gone.playout.close()

    def _end(self, gone: LiveStream) -> None:
        """Have the interpreter forget a stream: one of this name may begin before it would do so by
        itself."""
        source = gone.source.demanded
        if source is not None:
            self._context.bus.publish(
                Demand(stream=gone.stream.id, epoch=gone.epoch, source=source, captions=False)
            )

    def _note(self, heartbeat: Heartbeat) -> None:
        metrics = self._metrics
        metrics.interpreter_ready.set(heartbeat.ready or self._interpreter_ready)
        metrics.interpreter_cpu.set(heartbeat.cpu_s)
        recognized_s = sum(each.seconds for each in heartbeat.stages if each.name == "recognize")
        admission, cpu_s, waited_s = self._context.admission, heartbeat.cpu_s, heartbeat.waited_s
        if heartbeat.ready and heartbeat.worker == self._measured:
            admission.spent(cpu_s, time.monotonic(), recognized_s, waited_s)
        else:
            admission.loads(cpu_s, waited_s)
            self._measured = heartbeat.worker if heartbeat.ready else ""
        metrics.interpreter_memory.set(heartbeat.rss_bytes)
        for stage in heartbeat.stages:
            metrics.stage.labels(stage.name, stage.language).inc(stage.seconds)
            metrics.stage_calls.labels(stage.name, stage.language).inc(stage.count)
        for where, count in heartbeat.dropped.items():
            metrics.interpreter_dropped.labels(where).set(count)

    def _gauge(self) -> None:
        streams = self._manager.streams.values()
        self._metrics.streams.set(sum(each.has_place for each in streams))
        self._metrics.listeners.set(sum(len(each.listeners) for each in streams))
        self._metrics.speakers.set(sum(each.speaker is not None for each in streams))
        on_air = sum(len(live.interpreters.on_air) for live in self)
        waiting = sum(len(each.interpreters) for each in streams) - on_air
        self._metrics.interpreters.labels("on_air").set(on_air)
        self._metrics.interpreters.labels("waiting").set(waiting)
        worst: dict[str, float] = {}
        for live in self:
            for language, backlog_s in live.backlogs_s().items():
                worst[language] = max(backlog_s, worst.get(language, 0.0))
        self._metrics.backlog.clear()
        for language, backlog_s in worst.items():
            self._metrics.backlog.labels(language).set(backlog_s)
        for what, count in (
            ("language", sum(len(live.statuses.refused) for live in self)),
            ("stream", sum(live.statuses.unheard for live in self)),
        ):
            self._metrics.without_room.labels(what).set(count)
        self._metrics.ticks_skipped.set(self._context.pacer.skipped)
        self._metrics.ticks_failed.set(self._context.pacer.failed)
        for reason, count in self._metrics.hostile_counts.items():
            self._metrics.hostile.labels(reason).set(count)
        for where, count in self._context.bus.dropped.items():
            self._metrics.bus_dropped.labels(where).set(count)
