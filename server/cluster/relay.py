"""A machine that only interprets: between its interpreter process and the hubs.

The process is that of a server on one machine, kept alive in the same way. It sees the streams of
all hubs, whose names begin with their hub's. Hubs learn of its heartbeats, so also when it is lost.
If two hubs have a stream of one name, that with the newest lease is believed: see ``fences``.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final

import msgspec

from server.bus.cancelled import is_cancelled
from server.bus.messages import (
    AudioChunk,
    Demand,
    Drain,
    Glossary,
    Heartbeat,
    Message,
    Models,
    Reload,
)
from server.bus.protocol import Bus, Link, until_gone
from server.bus.supervisor import Supervisor
from server.cluster.fences import Fences
from server.cluster.offers import OFFER_S, Offer
from server.machine import cores
from server.models.moving import Moves

MOST_HUBS: Final = 64
#: How long a machine that leaves waits until its hubs have taken its streams elsewhere.
LEAVE_S: Final = 1.5
#: How often to look whether a hub that says nothing is still there.
LOOK_S: Final = 5.0

Listen = Callable[[str], AbstractAsyncContextManager[Link[Message]]]
_log = logging.getLogger(__name__)


class Relay:
    """``own``: the bus of the interpreter process. ``listen``: makes a link for a hub. ``offer``:
    says to all what this machine offers."""

    def __init__(
        self, own: Bus[Message], listen: Listen, offer: Callable[[Offer], Awaitable[bool]]
    ) -> None:
        self._own = own
        self._listen = listen
        self._offer = offer
        self._hubs: dict[str, Bus[Message]] = {}
        self._new = asyncio.Queue[str](MOST_HUBS)
        self._known = set[str]()
        self._models: Models | None = None
        self._leaving = self._draining = False
        self._drained = asyncio.Event()
        self._fences = Fences()
        self._told = set[str]()
        self.dropped = 0

    def knock(self, hub: str) -> None:
        """A hub wants a link."""
        if hub not in self._known and len(self._known) < MOST_HUBS:
            self._known.add(hub)
            self._new.put_nowait(hub)

    def lost(self) -> None:
        """The interpreter process died: the hubs take their streams elsewhere."""
        for bus in self._hubs.values():
            bus.publish(Heartbeat(stream="", epoch=0, worker="", ready=False))

    async def run(self, supervisor: Supervisor, moves: Moves) -> None:
        """Pass messages on until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._dispatch(supervisor, moves), name="relay")
            group.create_task(self._say(supervisor), name="offers")
            while True:
                hub = await self._new.get()
                group.create_task(self._serve(hub), name=f"hub {hub}")

    async def leave(self) -> None:
        """Let the hubs take their streams elsewhere, and wait until they have."""
        self._leaving = True
        await self._offer(Offer(cores(), leaving=True))
        if self._hubs:
            await asyncio.sleep(LEAVE_S)

    async def _say(self, supervisor: Supervisor) -> None:
        while not is_cancelled():
            if supervisor.ready or self._leaving or self._drained.is_set():
                self._drained.clear()
                await self._offer(Offer(cores(), self._leaving, self._draining))
            with suppress(TimeoutError):
                async with asyncio.timeout(OFFER_S):
                    await self._drained.wait()

    async def _serve(self, hub: str) -> None:
        try:
            async with self._listen(hub) as bus:
                _log.info("%s has streams to interpret", hub)
                self._hubs[hub] = bus
                await self._hear(hub, bus)
                _log.info("%s is gone", hub)
        finally:
            self._hubs.pop(hub, None)
            self._known.discard(hub)
            self._told.discard(hub)

    async def _hear(self, hub: str, bus: Link[Message]) -> None:
        async for message in until_gone(bus, LOOK_S):
            self._from_hub(hub, bus, message)

    def _from_hub(self, hub: str, bus: Bus[Message], message: Message) -> None:
        match message:
            case Demand() | AudioChunk() | Glossary() if self._believes(hub, message):
                named = msgspec.structs.replace(message, stream=f"{hub}/{message.stream}")
                try:
                    self._own.publish(named)
                except ValueError:  # too large with the hub's name
                    self.dropped += 1
            case Reload():
                if self._models is not None:
                    bus.publish(self._models)
            case Drain():
                self._draining = message.on
                self._drained.set()
            case _:
                self.dropped += 1

    def _believes(self, hub: str, message: Demand | AudioChunk | Glossary) -> bool:
        if not isinstance(message, Demand):
            return self._fences.believes(hub, message.stream)
        now_s = asyncio.get_running_loop().time()
        believed = self._fences.asks(hub, message.stream, message.lease, now_s)
        if not believed and hub not in self._told:
            self._told.add(hub)
            _log.warning("%s asks for a stream that another server has, and is not heard", hub)
        return believed

    async def _dispatch(self, supervisor: Supervisor, moves: Moves) -> None:
        while True:
            message = await self._own.receive()
            match message:
                case Heartbeat():
                    supervisor.heard(message)
                    moves.heard(message, supervisor.ready)
                    self._to_all(message)
                case Models():
                    moves.told(message)
                    if not message.problem:
                        self._models = message
                        self._to_all(message)
                case _:
                    hub, _, stream = message.stream.partition("/")
                    if bus := self._hubs.get(hub):
                        bus.publish(msgspec.structs.replace(message, stream=stream))
                    else:
                        self.dropped += 1

    def _to_all(self, message: Message) -> None:
        for bus in self._hubs.values():
            bus.publish(message)
