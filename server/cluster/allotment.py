"""The streams of a hub, and which machine has which part of each. No I/O, no clock of its own.

A machine that fails at a language, although it says that it has the models, does not get it for
``FAILED_S``, if another one can do it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf
from typing import Final

import msgspec

from server.bus.messages import AudioChunk, Caption, Committed, Demand, Failure, Message, Speech
from server.cluster.placement import HEARING, Machine, Owners, Wanted, cost, place, relieved, room
from server.cluster.sharing import SharedStream

#: A stream that was not demanded for so long is forgotten.
FORGET_S: Final = 10.0
#: The time between two moves because a machine does too much: then its load shows the first.
EASE_S: Final = 10.0
#: After this time the measured load includes a new part.
SETTLED_S: Final = 10.0
FAILED_S: Final = 60.0

#: What is to be sent to which machine, in this order.
Post = list[tuple[str, Message]]


class Allotment:
    """All streams that are demanded. ``machines``, in all calls: those that are ready."""

    def __init__(self) -> None:
        self._streams: dict[str, SharedStream] = {}
        self._eased_s = -inf
        self._since: dict[tuple[str, str, str], float] = {}  # stream, part, owner
        self._failed: dict[tuple[str, str, str], float] = {}  # machine, source, language

    def of(self, stream: str) -> SharedStream | None:
        """The stream, if it is demanded."""
        return self._streams.get(stream)

    def served(self, machine: str) -> dict[str, list[str]]:
        """The streams that a machine has a part in, with the languages that it has, in order."""
        return {
            name: sorted(part for part in each.parts_of(machine) if part != HEARING)
            for name, each in sorted(self._streams.items())
            if machine in each.machines
        }

    def lose(self, machine: str) -> set[str]:
        """A machine is gone. Returns the streams that it had a part in."""
        lost = {name for name, each in self._streams.items() if machine in each.machines}
        for name in lost:
            self._streams[name].lose(machine)
        return lost

    def demanded(self, demand: Demand, machines: Mapping[str, Machine], now_s: float) -> Post:
        """A stream is demanded, perhaps again."""
        for name, each in list(self._streams.items()):
            if each.demanded_s < now_s - FORGET_S:
                del self._streams[name]
        stream = self._streams.setdefault(demand.stream, SharedStream(demand, now_s))
        stream.take(demand, now_s)
        post = self._give(stream, self._placed(stream, machines, now_s), True, now_s)
        if not stream.is_wanted:
            del self._streams[demand.stream]
        return post + self.paused(stream, machines, now_s)

    def paused(self, stream: SharedStream, machines: Mapping[str, Machine], now_s: float) -> Post:
        """Move what is to move, if the stream pauses."""
        if not stream.pauses.now or not stream.is_wanted:
            return []
        name = stream.demand.stream
        ease = now_s - self._eased_s >= EASE_S
        able = self._able(machines, now_s)
        owners = relieved(name, stream.wanted, able, self._owners, ease)
        if owners == stream.owners:
            return []
        if not any(machines[each].draining for each in stream.machines if each in machines):
            self._eased_s = now_s
        return self._give(stream, owners, False, now_s)

    def took(
        self,
        stream: SharedStream,
        machine: str,
        message: Message,
        machines: Callable[[], Mapping[str, Machine]],
        now_s: float,
    ) -> tuple[Message | None, Post]:
        """A machine says something of a stream that it has a part in. Returns what the stream is
        told, None: nothing."""
        match message:
            case Caption() | Speech():
                stream.pauses.said(message, stream.demand.source)
            case Committed():
                sample = stream.committed(machine, message.sample)
                if sample is None:
                    return None, []
                post = self.paused(stream, machines(), now_s)
                return msgspec.structs.replace(message, sample=sample), post
            case Failure(failing=True, reason="broken"):
                source = stream.demand.source
                self._failed[machine, source, message.language] = now_s
                if all(part in (HEARING, message.language) for part in stream.parts_of(machine)):
                    self._failed[machine, source, HEARING] = now_s  # it may not even hear it
                owners = self._placed(stream, machines(), now_s)
                if owners != stream.owners:
                    return None, self._give(stream, owners, False, now_s)
        return message, []

    def has_room(
        self, stream: str, part: str, machines: Mapping[str, Machine], now_s: float
    ) -> bool:
        """Whether a machine has room for one more part of a stream, which may be a new one."""
        new: dict[str, float] = {}
        for (_, each, owner), since_s in self._since.items():
            if now_s - since_s < SETTLED_S:
                new[owner] = new.get(owner, 0.0) + cost(each)
        known = self._streams.get(stream)
        want = known.wanted if known is not None else Wanted(None)
        hearing = known.machines if known else ()
        found = room(want, part, self._able(machines, now_s), hearing, new)
        if found:  # it counts from now on, as more may be asked for before it is placed
            self._since[stream, part, found] = now_s
        return found is not None

    def missing(self, stream: str) -> list[Failure]:
        """A failure for each of its languages that no machine has the models for."""
        found = self._streams.get(stream)
        return list(found.unplaced()) if found is not None else []

    @property
    def _owners(self) -> dict[str, Owners]:
        return {name: each.owners for name, each in self._streams.items()}

    def _placed(
        self, stream: SharedStream, machines: Mapping[str, Machine], now_s: float
    ) -> Owners:
        name = stream.demand.stream
        return place({name: stream.wanted}, self._able(machines, now_s), self._owners)[name]

    def _able(self, machines: Mapping[str, Machine], now_s: float) -> Mapping[str, Machine]:
        """The machines without the languages that they failed at, where others can do these."""
        self._failed = {
            key: since for key, since in self._failed.items() if now_s - since < FAILED_S
        }
        able = dict(machines)
        for name, source, language in self._failed:
            others = (
                each.can(source, language) and (other, source, language) not in self._failed
                for other, each in machines.items()
            )
            if name in able and any(others):
                targets = dict(able[name].targets)
                left = targets.pop(source, frozenset()) - {language}
                if left and language != HEARING:
                    targets[source] = left
                able[name] = replace(able[name], targets=targets)
        return able

    def _give(self, stream: SharedStream, owners: Owners, tell_all: bool, now_s: float) -> Post:
        """Give the parts of a stream to ``owners``. Those that had none hear what is not committed.
        ``tell_all``: also those for whom nothing changes."""
        before = {each: stream.demand_of(each) for each in stream.machines}
        for part, owner in owners.items() - stream.owners.items():
            self._since = {
                k: since for k, since in self._since.items() if now_s - since < SETTLED_S
            }
            self._since[stream.demand.stream, part, owner] = now_s
        stream.owners = owners
        post: Post = []
        for name in before.keys() | stream.machines:
            demand = stream.demand_of(name)
            if tell_all or before.get(name) != demand:
                post.append((name, demand))
        new = stream.machines - before.keys()
        again: list[AudioChunk] = stream.pauses.unfinished
        return post + [(name, chunk) for name in sorted(new) for chunk in again]
