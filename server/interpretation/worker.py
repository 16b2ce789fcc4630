"""An interpreter process: loads the models and interprets the demanded streams. When it is told
that the installed models have changed, it loads the new ones and moves to them."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from server.bus.messages import (
    AudioChunk,
    Caption,
    Demand,
    Failure,
    Glossary,
    Heartbeat,
    Message,
    Reload,
)
from server.bus.protocol import Bus, BusClosed
from server.interpretation.engines import ModelError
from server.interpretation.freed_memory import give_back
from server.interpretation.interpreter import Interpreter
from server.interpretation.moving import Moving
from server.interpretation.policies import DEFAULT_POLICY, POLICIES, PolicyName
from server.interpretation.shared import Engines, Limits, Shared
from server.interpretation.stream_glossary import StreamGlossary
from server.machine import waited_s
from server.process import described, rss_bytes

DEFAULT_LIMITS = Limits()

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Stream:
    """A demanded stream. ``demanded_at``: the loop's time of the latest demand, in seconds.
    ``partial``: the latest caption of each language, if it is not final."""

    demand: Demand
    demanded_at: float
    interpreter: Interpreter | None = None
    task: asyncio.Task[None] | None = None
    glossary: StreamGlossary = field(default_factory=StreamGlossary)
    partial: dict[str, Caption] = field(default_factory=dict)


class _Done(Exception):
    """Raised to end the task group."""


class Worker:
    """Interprets the streams of one process. ``load``: called in a thread. A failure in one stream
    does not affect others; that stream takes its partial captions back, and restarts with its next
    audio."""

    def __init__(
        self,
        bus: Bus[Message],
        load: Callable[[], Engines],
        limits: Limits = DEFAULT_LIMITS,
        policy: PolicyName = DEFAULT_POLICY,
    ) -> None:
        self._bus = bus
        self._moving = Moving(load, bus.publish)
        self._limits = limits
        self._policy = POLICIES[policy]
        self._name = f"{socket.gethostname()}-{os.getpid()}"
        self._parent = os.getppid()
        self._shared: Shared | None = None
        self._streams: dict[str, _Stream] = {}
        self._stopped = asyncio.Event()
        self._has_garbage = False

    def stop(self) -> None:
        """Make ``run`` return."""
        self._stopped.set()

    def stuck_s(self) -> float:
        """The age of the oldest running engine call in seconds; 0 if there is none."""
        return self._shared.lanes.stuck_s() if self._shared else 0.0

    async def run(self) -> None:
        """Interpret until stopped or until the bus is closed. Raises what ``load`` raises."""
        failed: ModelError | None = None
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._beat(), name="heartbeat")
                group.create_task(self._stop(), name="stop")
                group.create_task(give_back(self._takes_garbage), name="memory")
                engines = await self._moving.engines()
                shared = Shared(engines, self._limits, self._publish, self._policy)
                del engines  # so that only ``shared`` refers to them
                self._shared = shared
                self._publish_heartbeat()
                group.create_task(self._moving.run(shared, self._moved), name="moving")
                while True:
                    self._dispatch(await self._bus.receive(), shared, group)
        except* (_Done, BusClosed):
            pass
        except* ModelError as errors:
            failed = next(each for each in errors.exceptions if isinstance(each, ModelError))
        finally:
            if self._shared:
                self._shared.lanes.close()
                self._shared.making.shutdown(wait=False, cancel_futures=True)
        if failed:
            raise failed

    def _moved(self) -> None:
        """The engines have changed: each stream takes over the new ones."""
        if self._shared is not None:
            for stream in self._streams.values():
                stream.glossary.move(self._shared)

    async def _stop(self) -> None:
        await self._stopped.wait()
        raise _Done

    async def _beat(self) -> None:
        while True:
            self._publish_heartbeat()
            for name, stream in self._streams.items():
                for unexpected in stream.glossary.unexpected(name, stream.demand.epoch):
                    self._bus.publish(unexpected)
            await asyncio.sleep(self._limits.heartbeat_s)
            self._let_go()
            if os.getppid() != self._parent:
                _log.warning("the parent process is gone")
                raise _Done

    def _publish_heartbeat(self) -> None:
        shared = self._shared
        self._bus.publish(
            Heartbeat(
                stream="",
                epoch=0,
                worker=self._name,
                ready=shared is not None,
                stuck_s=self.stuck_s(),
                dropped=dict(shared.dropped) if shared else {},
                stages=shared.lanes.drain() if shared else (),
                cpu_s=time.process_time(),
                rss_bytes=rss_bytes(),
                version=self._moving.version,
                waited_s=waited_s(),
            )
        )

    def _dispatch(self, message: Message, shared: Shared, group: asyncio.TaskGroup) -> None:
        match message:
            case Demand():
                self._demanded(message, shared)
            case AudioChunk():
                self._heard(message, shared, group)
            case Glossary():
                if stream := self._streams.get(message.stream):
                    stream.glossary.take(message)
            case Reload():
                self._moving.ask()
            case _:
                _log.warning("unexpected message %s", type(message).__name__)

    def _demanded(self, demand: Demand, shared: Shared) -> None:
        stream = self._streams.get(demand.stream)
        now = asyncio.get_running_loop().time()
        if stream is not None and demand.epoch < stream.demand.epoch:
            return
        if not shared.engines.can_hear(demand.source):
            self._refuse(demand)
            self._end(demand.stream)
            return
        shared.lanes.listeners[demand.stream] = demand.listeners
        if stream is None:
            self._streams[demand.stream] = _Stream(demand, now)
            return
        if (demand.epoch, demand.source) != (stream.demand.epoch, stream.demand.source):
            _cut_short(stream)
        stream.demand, stream.demanded_at = demand, now
        if not _wanted(demand):
            self._let_go()
        elif stream.interpreter is not None:
            stream.interpreter.demand(demand)

    def _heard(self, chunk: AudioChunk, shared: Shared, group: asyncio.TaskGroup) -> None:
        stream = self._streams.get(chunk.stream)
        if stream is None or not _wanted(stream.demand):
            shared.dropped["undemanded"] += 1
            return
        if chunk.epoch < stream.demand.epoch:
            shared.dropped["stale"] += 1
            return
        if chunk.epoch > stream.demand.epoch:
            _cut_short(stream)
            stream.demand = msgspec.structs.replace(stream.demand, epoch=chunk.epoch)
        if stream.interpreter is None:
            if not shared.engines.can_hear(stream.demand.source):  # no longer
                shared.dropped["undemanded"] += 1
                return
            own = stream.glossary.applied(shared)
            interpreter = Interpreter(own, stream.demand, chunk.start_sample)
            stream.interpreter = interpreter
            stream.task = group.create_task(
                self._interpret(stream, interpreter, shared), name=f"interpreter/{chunk.stream}"
            )
        stream.interpreter.hear(chunk)

    async def _interpret(self, stream: _Stream, interpreter: Interpreter, shared: Shared) -> None:
        """Run one stream's interpreter. Any exception of it ends here."""
        try:
            await interpreter.run()
        except Exception as error:  # noqa: BLE001  any bug ends this stream only
            shared.dropped["streams"] += 1
            _log.error("stream %s failed: %s", interpreter.stream, described(error))
            if stream.interpreter is interpreter:
                self._take_back(stream)
        finally:
            self._has_garbage = True
            if stream.interpreter is interpreter:
                stream.interpreter = None

    def _takes_garbage(self) -> bool:
        """Whether a stream's interpreter has ended since the last call."""
        had, self._has_garbage = self._has_garbage, False
        return had

    def _publish(self, message: Message) -> None:
        """Publish what an interpreter says."""
        if isinstance(message, Caption) and (stream := self._streams.get(message.stream)):
            line = stream.partial.get(message.language)
            if message.status == "partial":
                stream.partial[message.language] = message
            elif line is not None and line.segment == message.segment:
                del stream.partial[message.language]
        self._bus.publish(message)

    def _take_back(self, stream: _Stream) -> None:
        """Take back the captions that nothing will complete."""
        for line in stream.partial.values():
            revision = line.revision + 1
            self._bus.publish(
                msgspec.structs.replace(line, revision=revision, status="clear", text="")
            )
        stream.partial.clear()

    def _refuse(self, demand: Demand) -> None:
        _log.warning("%s: there is no recogniser for %r", demand.stream, demand.source)
        for language in (*demand.speech, *demand.text):
            self._bus.publish(
                Failure(
                    stream=demand.stream,
                    epoch=demand.epoch,
                    language=language,
                    failing=True,
                    reason="broken",
                )
            )

    def _let_go(self) -> None:
        """Drop the streams that are no longer demanded."""
        oldest = asyncio.get_running_loop().time() - self._limits.demand_s
        for name, stream in list(self._streams.items()):
            if stream.demanded_at < oldest or not _wanted(stream.demand):
                self._end(name)

    def _end(self, name: str) -> None:
        """Interpret what came of a stream, and then nothing more."""
        stream = self._streams.pop(name, None)
        if self._shared is not None:
            self._shared.lanes.forget(name)
        if stream is not None and stream.interpreter is not None:
            stream.interpreter.close()


def _wanted(demand: Demand) -> bool:
    return bool(demand.captions or demand.speech or demand.text)


def _cut_short(stream: _Stream) -> None:
    """End the old epoch of a stream: speech of it that was not interpreted yet is dropped."""
    if stream.task is not None:
        stream.task.cancel()
    stream.interpreter = stream.task = None
    stream.partial.clear()
