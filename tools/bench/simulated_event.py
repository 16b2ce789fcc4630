"""A simulated event: hubs with streams, and interpreters that come, leave, are drained, are lost,
are cut off, and have other work. Decisions are those of the server's own placement; time and faults
are by seed.

A hub sees a machine's loss ``SEEN_S`` late. A machine that is cut off goes on interpreting, and
says all of it when it is back, in the epochs that it knows.
"""

import random
from dataclasses import dataclass, field

from server.bus.messages import RATE_HZ, Demand, Speech
from server.cluster.allotment import Allotment
from server.cluster.interpreters import SILENT_S
from server.cluster.placement import BUSY, HEAR_CORES, HEARING, LANGUAGE_CORES, Machine, Owners
from server.cluster.sharing import SharedStream

STEP_S = 0.1
DEMAND_S = 1.0
#: A piece of speech has so many steps.
SAID = 4
#: Something happens to a machine so often, on average.
FAULT_S = 5.0
#: When a link counts as gone: see server.bus.nats.
SEEN_S = 2.0
LANGUAGES = ("en", "de", "fr")
TARGETS = {"nl": frozenset(LANGUAGES)}


@dataclass
class Simulated:
    """A machine. ``other``: the cores that other work there takes. ``knows``: the parts that it was
    asked for, with their epochs. ``hoard``: what it said while it was cut off."""

    cores: float
    up: bool = True
    leaving: bool = False
    draining: bool = False
    drained_since_s: float = 0.0
    calm_s: float = 0.0
    other: float = 0.0
    cut_until_s: float = 0.0
    gone_since_s: float | None = None
    knows: dict[str, Demand] = field(default_factory=dict)
    hoard: list[Speech] = field(default_factory=list)


@dataclass
class Outcome:
    """``twice``: pieces of speech that were accepted of more than one machine at a time.
    ``fenced``: those that were not accepted. ``without_s``: for each time that a part had no
    machine that works, for how long. ``moved``: parts that moved although their machine was there
    and neither drained nor too busy, or while the stream did not pause. ``changes``: parts that
    lost their machine; ``eased``: that moved with need. ``drained_s``: how long a machine that was
    drained had parts."""

    twice: int = 0
    fenced: int = 0
    without_s: list[float] = field(default_factory=list)
    moved: int = 0
    changes: int = 0
    eased: int = 0
    drained_s: list[float] = field(default_factory=list)


class Event:
    """``streams`` with three languages each on ``machines`` interpreters."""

    def __init__(self, seed: int, streams: int = 40, machines: int = 10) -> None:
        self._chance = random.Random(seed)
        self.machines = {f"m{n}": Simulated(32) for n in range(machines)}
        self._new = machines
        self._missing: dict[tuple[str, str], float] = {}
        self.outcome = Outcome()
        self.now_s = self._next_fault_s = 0.0
        self._loads: dict[str, float] = {}
        self._streams = Allotment()
        self._pause_s = dict.fromkeys((f"s{n}" for n in range(streams)), 0.0)
        for name in self._pause_s:
            self._place(name)

    def run(self, seconds: float) -> Outcome:
        """Let time pass."""
        for step in range(round(seconds / STEP_S)):
            self.now_s = step * STEP_S
            if self.now_s >= self._next_fault_s:
                self._fault()
                self._next_fault_s += self._chance.expovariate(1 / FAULT_S)
            self._weigh()
            self._notice()
            for number, name in enumerate(self._pause_s):
                if (step + number) % round(DEMAND_S / STEP_S) == 0:
                    self._talk(name)
                    self._place(name)
            if step % SAID == 0:
                self._speak()
            self._measure()
        return self.outcome

    def _demand(self, name: str, epoch: int) -> Demand:
        return Demand(stream=name, epoch=epoch, source="nl", speech=LANGUAGES)

    def _of(self, name: str) -> SharedStream:
        stream = self._streams.of(name)
        assert stream is not None
        return stream

    def _talk(self, name: str) -> None:
        """Speak, or pause once in a while: what was said is committed then."""
        pauses = self._of(name).pauses
        if self.now_s < self._pause_s[name]:
            pauses.said(self._piece(name, self._of(name).demand, "en"), "nl")
        else:
            pauses.committed(round(self.now_s * RATE_HZ))
            self._pause_s[name] = self.now_s + self._chance.uniform(2, 12)

    def _fault(self) -> None:
        """Something happens to a machine, or a new one comes."""
        what = self._chance.choice(
            ("nothing", "kill", "cut", "leave", "drain", "busy", "come", "come")
        )
        working = [
            name
            for name, each in self.machines.items()
            if self._works(each) and not each.leaving and not each.draining and not each.other
        ]
        if what == "come" and len(working) < 10:
            self.machines[f"m{self._new}"] = Simulated(32)
            self._new += 1
        elif what != "come" and len(working) > 6:
            self._harm(self.machines[self._chance.choice(working)], what)

    def _harm(self, victim: Simulated, what: str) -> None:
        if what == "kill":
            victim.up, victim.gone_since_s = False, self.now_s
        elif what == "cut":
            victim.cut_until_s = self.now_s + self._chance.uniform(0.5, 20)
            victim.gone_since_s = self.now_s
        elif what == "leave":
            victim.leaving = True
        elif what == "drain":
            victim.draining, victim.drained_since_s = True, self.now_s
        elif what == "busy":
            victim.other = self._chance.uniform(0.5, 0.9) * victim.cores
        victim.calm_s = self.now_s + self._chance.uniform(15, 40)

    def _works(self, machine: Simulated) -> bool:
        return machine.up and self.now_s >= machine.cut_until_s

    def _seen(self, machine: Simulated) -> bool:
        """Whether the hub takes the machine for one that is there."""
        return machine.gone_since_s is None or self.now_s < machine.gone_since_s + SEEN_S

    def _is_silent(self, machine: Simulated) -> bool:
        return machine.gone_since_s is not None and self.now_s > machine.gone_since_s + SILENT_S

    def _notice(self) -> None:
        """The hub notices machines that are lost or leave; those that were cut off come back."""
        for name, machine in list(self.machines.items()):
            if machine.leaving or not self._seen(machine):
                for stream in self._pause_s:
                    owners = self._of(stream).owners.values()
                    self.outcome.changes += sum(owner == name for owner in owners)
                for stream in self._streams.lose(name):
                    self._place(stream, self._of(stream).demand.epoch + 1)
            if machine.leaving or (not machine.up and not self._seen(machine)):
                del self.machines[name]
            elif self._works(machine) and machine.gone_since_s is not None:
                machine.gone_since_s = None
            if machine.draining and not self._has_parts(name):
                self.outcome.drained_s.append(self.now_s - machine.drained_since_s)
                machine.draining = False
            if self.now_s >= machine.calm_s:
                machine.other = 0.0

    def _has_parts(self, name: str) -> bool:
        return any(name in self._of(stream).machines for stream in self._pause_s)

    def _weigh(self) -> None:
        """Measure the cores in use on each machine."""
        self._loads = {name: each.other for name, each in self.machines.items()}
        for stream in self._pause_s:
            for part, owner in self._of(stream).owners.items():
                if owner in self._loads:
                    self._loads[owner] += HEAR_CORES if part == HEARING else LANGUAGE_CORES

    def _place(self, name: str, epoch: int | None = None) -> None:
        stream = self._streams.of(name)
        before: Owners = dict(stream.owners) if stream is not None else {}
        pauses = stream is None or stream.pauses.now
        if epoch is None:
            epoch = 0 if stream is None else stream.demand.epoch
        there = {
            each: Machine(
                machine.cores, TARGETS, self._loads.get(each, 0.0), machine.leaving,
                self._is_silent(machine), machine.draining,
            )
            for each, machine in self.machines.items()
            if self._seen(machine)
        }  # fmt: skip
        for each, message in self._streams.demanded(self._demand(name, epoch), there, self.now_s):
            machine = self.machines.get(each)
            if machine is not None and self._works(machine) and isinstance(message, Demand):
                machine.knows[name] = message
        for part, owner in before.items():
            if self._of(name).owners.get(part) != owner:
                is_needed = there[owner].draining or there[owner].load > BUSY * there[owner].cores
                self.outcome.eased += is_needed and pauses
                self.outcome.moved += not (is_needed and pauses)

    def _speak(self) -> None:
        """Every machine says a piece of everything that it was asked for."""
        said: dict[tuple[str, str], int] = {}
        for name, machine in self.machines.items():
            if not machine.up:
                continue
            for stream, demand in machine.knows.items():
                machine.hoard += [self._piece(stream, demand, each) for each in demand.speech]
            if self._works(machine):
                pieces, machine.hoard = machine.hoard, []
                for piece in {
                    (each.stream, each.language, each.epoch): each for each in pieces
                }.values():
                    self._hear(name, piece, said)
        self.outcome.twice += sum(count > 1 for count in said.values())

    def _piece(self, stream: str, demand: Demand, language: str) -> Speech:
        return Speech(
            stream=stream, epoch=demand.epoch, language=language, segment=0, play_at=0,
            start_sample=0, end_sample=round(self.now_s * RATE_HZ), rate_hz=16_000, pcm=b"",
        )  # fmt: skip

    def _hear(self, machine: str, piece: Speech, said: dict[tuple[str, str], int]) -> None:
        stream = self._of(piece.stream)
        if piece.epoch == stream.demand.epoch and stream.may_say(machine, piece):
            key = piece.stream, piece.language
            said[key] = said.get(key, 0) + 1
        else:
            self.outcome.fenced += 1

    def _measure(self) -> None:
        for name in self._pause_s:
            for language in LANGUAGES:
                machine = self.machines.get(self._of(name).owners.get(language, ""))
                if machine is not None and self._works(machine):
                    since_s = self._missing.pop((name, language), None)
                    if since_s is not None:
                        self.outcome.without_s.append(self.now_s - since_s)
                else:
                    self._missing.setdefault((name, language), self.now_s)
