"""The interpreters of all machines, for a hub's streams: one Bus to them all.

- ``placement`` decides who interprets what. The hub alone decides for its streams, so no language
  has two owners. What comes from a machine that is not the owner is dropped and counted.
- A machine that was cut off cannot speak over its successor: it is no owner any more, and its
  messages have an older epoch, which the stream drops.
- When a machine is lost, a new epoch begins in the streams that it had a part in. Each gets its
  audio again that was not committed. Where nothing is lost, parts move while a stream pauses.
- Audio is committed when all machines of the stream have committed it.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final

import msgspec

from server.bus.messages import (
    AudioChunk,
    Demand,
    Drain,
    Glossary,
    Heartbeat,
    Message,
    Models,
    Reload,
    Speech,
)
from server.bus.protocol import Bus, BusClosed
from server.bus.queues import DropOldest
from server.bus.supervisor import Supervisor
from server.cluster.allotment import Allotment, Post
from server.cluster.interpreters import Interpreter
from server.cluster.leases import Leases
from server.cluster.offers import Offer
from server.cluster.placement import Machine
from server.cluster.sharing import makes_sense
from server.models.catalogue import Catalogue

#: The name of this machine's own interpreter.
OWN: Final = "own"
MOST_MACHINES: Final = 64
Connect = Callable[[str], AbstractAsyncContextManager[Bus[Message]]]
_log = logging.getLogger(__name__)


class Pool:
    """The bus of a hub's streams (a Bus), and whether anybody interprets (a Readiness).

    ``connect``: makes a link to a machine. ``on_ready``: called when a machine is ready;
    ``on_lost`` with the streams that lost one, whether others are ready, and whether it died (or
    only the link to it did); ``on_models`` with the models of all machines when they change; ``up``
    says whether NATS is connected. ``leases``: which hub has a stream; None if there is one only.
    """

    def __init__(self, connect: Connect) -> None:
        self.on_ready: Callable[[], None] = lambda: None
        self.on_lost: Callable[[set[str], bool, bool], None] = lambda streams, others, died: None
        self.on_models: Callable[[Mapping[str, Catalogue]], None] = lambda known: None
        self.up: Callable[[], bool] = lambda: True
        self.leases: Leases | None = None
        self.restarts = 0
        self.why_lost = ""
        self._connect = connect
        self._own: Supervisor | None = None
        self._machines: dict[str, Interpreter] = {}
        self._streams = Allotment()
        self._linking = set[str]()
        self._wanted = dict[str, Offer]()
        self._offered = asyncio.Event()
        self._inbound = DropOldest[Message]()
        self._arrived = asyncio.Event()
        self._counts = Counter(fenced=0, unplaced=0, invalid=0)

    # --- what the hub's streams use -----------------------------------------------------------

    @property
    def dropped(self) -> dict[str, int]:
        """Messages dropped so far: "in" and "out" as in Bus; "fenced": of machines that are not
        the owner; "unplaced": nobody was there to take them; "invalid": they make no sense."""
        total = Counter({"in": self._inbound.dropped, "out": 0})
        for machine in self._machines.values():
            total.update(machine.bus.dropped)
        return {**total, **self._counts}

    def publish(self, message: Message) -> None:
        """See ``Bus.publish``. Each message goes to the machines that need it."""
        match message:
            case Demand():
                self._demanded(message)
            case AudioChunk() | Glossary():
                stream = self._streams.of(message.stream)
                names = stream.machines if stream else set()
                if stream is not None and isinstance(message, AudioChunk):
                    stream.pauses.heard(message)
                self._send([(name, message) for name in names])
                self._counts["unplaced"] += not names
            case Reload():
                if own := self._machines.get(OWN):
                    own.bus.publish(message)
            case _:
                raise ValueError(f"{type(message).__name__} is not for interpreters")

    async def receive(self) -> Message:
        """See ``Bus.receive``. Heartbeats and Models are only those of this machine."""
        while not self._inbound:
            self._arrived.clear()
            await self._arrived.wait()
        return self._inbound.pop()

    @property
    def ready(self) -> bool:
        """Whether a machine is ready to interpret."""
        return bool(self.names)

    @property
    def missing(self) -> str:
        """See Readiness."""
        if not self.up():
            return "NATS cannot be reached, and no interpreter here is ready; the log says why"
        return f"no machine is ready to interpret (lost {self.restarts} so far; the log says why)"

    @property
    def names(self) -> list[str]:
        """The machines that are ready to interpret."""
        return [name for name, each in self._machines.items() if each.ready]

    def heard(self, heartbeat: Heartbeat) -> None:
        """Pass on a heartbeat of this machine's interpreter."""
        if self._own is not None:
            self._own.heard(heartbeat)

    def lost(self, name: str, why: str, died: bool = True) -> None:
        """The interpreter of a machine is gone, or restarts. Its streams go to others."""
        machine = self._machines.get(name)
        if machine is None or not machine.worker:
            return
        machine.worker = ""
        self.restarts += 1
        self.why_lost = why
        self.on_lost(self._streams.lose(name), self.ready, died)

    def has_room(self, stream: str, part: str) -> bool:
        """Whether a machine has room for a language of a stream, or for hearing it."""
        return self._streams.has_room(stream, part, self._ready, _now())

    # --- machines -----------------------------------------------------------------------------

    def drain(self, name: str, on: bool) -> bool:
        """Let a machine's streams move at their next pauses, or stay again. False: unknown."""
        machine = self._machines.get(name)
        if machine is None:
            return False
        machine.draining = on
        if name != OWN:
            machine.bus.publish(Drain(on=on))
        return True

    def machines(self) -> Iterator[tuple[Interpreter, dict[str, list[str]]]]:
        """The machines, and the streams that each has a part in, with the languages."""
        for name, each in sorted(self._machines.items()):
            yield each, self._streams.served(name)

    def offered(self, name: str, offer: Offer) -> None:
        """A machine offers to interpret."""
        if machine := self._machines.get(name):
            machine.cores, machine.draining = offer.cores, offer.draining
            if offer.leaving and not machine.leaving:
                machine.leaving = True
                _log.info("%s is leaving: its streams go to other machines", name)
                self.lost(name, f"{name} is leaving", died=False)
        elif not offer.leaving and self._has_place():
            self._wanted[name] = offer
            self._offered.set()

    def _has_place(self) -> bool:
        return len({*self._machines, *self._linking, *self._wanted}) < MOST_MACHINES

    async def run(self) -> None:
        """Link to each machine that offers to interpret, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._offered.wait()
                self._offered.clear()
                for name, offer in self._wanted.items():
                    if name not in self._linking:
                        self._linking.add(name)
                        group.create_task(self._link(name, offer), name=f"link to {name}")
                self._wanted.clear()

    async def use_own(self, bus: Bus[Message], supervisor: Supervisor, cores: float) -> None:
        """Use this machine's interpreter, too, until cancelled."""
        self._own = supervisor
        await self._read(Interpreter(OWN, bus, cores))

    async def _link(self, name: str, offer: Offer) -> None:
        try:
            async with self._connect(name) as bus:
                _log.info("%s interprets, too: %g cores", name, offer.cores)
                await self._read(Interpreter(name, bus, offer.cores, offer.draining))
                _log.warning("%s is gone", name)
        except OSError as error:
            _log.info("%s", error)
        finally:
            self._linking.discard(name)

    async def _read(self, machine: Interpreter) -> None:
        self._machines[machine.name] = machine
        try:
            while True:
                self._received(machine, await machine.bus.receive())
        except BusClosed:
            self.lost(machine.name, f"{machine.name} is gone", died=False)
        finally:
            del self._machines[machine.name]

    def _received(self, machine: Interpreter, message: Message) -> None:
        if not makes_sense(message):
            self._counts["invalid"] += 1
            return
        match message:
            case Heartbeat():
                self._beat(machine, message)
                if machine.name != OWN:
                    return
            case Models():
                self._told(machine, message)
                if machine.name != OWN:
                    return
            case _:
                stream = self._streams.of(message.stream)
                if stream is None or not stream.may_say(machine.name, message):
                    self._counts["fenced"] += 1
                    return
                told, post = self._streams.took(
                    stream, machine.name, message, lambda: self._ready, _now()
                )
                self._send(post)
                if told is None:
                    return
                message = told
        self._deliver(message)

    def _deliver(self, message: Message) -> None:
        size = len(message.pcm) if isinstance(message, Speech) else 500
        self._inbound.push(message, size)
        self._arrived.set()

    def _beat(self, machine: Interpreter, heartbeat: Heartbeat) -> None:
        machine.beat(heartbeat, _now())
        if machine.worker and (not heartbeat.ready or heartbeat.worker != machine.worker):
            self.lost(machine.name, f"the interpreter of {machine.name} was lost")
        if machine.lacks_models(heartbeat, _now()):
            machine.bus.publish(Reload())
        if heartbeat.ready and not machine.worker and not machine.leaving:
            machine.worker = heartbeat.worker
            self._tell_ready(machine)

    def _told(self, machine: Interpreter, models: Models) -> None:
        try:
            other = machine.told(models)
        except msgspec.DecodeError as error:
            self._counts["invalid"] += 1
            _log.warning("the models of %s cannot be understood: %s", machine.name, error)
            return
        if other:
            machines = sorted(self._machines.values(), key=lambda each: each.name != OWN)
            known = {each.name: each.catalogue for each in machines if each.catalogue is not None}
            self.on_models(known)
            self._tell_ready(machine)

    def _tell_ready(self, machine: Interpreter) -> None:
        if machine.ready:
            self.on_ready()

    # --- streams ------------------------------------------------------------------------------

    def _demanded(self, demand: Demand) -> None:
        demand = self.leases.held(demand) if self.leases is not None else demand
        self._send(self._streams.demanded(demand, self._ready, _now()))
        if self.ready:
            for failure in self._streams.missing(demand.stream):
                self._deliver(failure)

    @property
    def _ready(self) -> dict[str, Machine]:
        now_s = _now()
        return {name: each.offers(now_s) for name, each in self._machines.items() if each.ready}

    def _send(self, post: Post) -> None:
        for name, message in post:
            if machine := self._machines.get(name):
                machine.bus.publish(message)


def _now() -> float:
    return asyncio.get_running_loop().time()
