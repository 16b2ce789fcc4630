"""Which machine interprets what: state in, decisions out. No I/O, no clock, no chance.

- What has an owner stays with it, as long as the owner is there, is not leaving and has the models.
  While a stream pauses, everything leaves a machine that is drained, and one language one that
  does too much, if another machine has room and keeps some.
- What has none goes to a machine that hears the stream already, if it has room, since hearing a
  stream costs as much as a language; else to the one with the most free cores of two that are
  drawn by the stream's name: hubs that decide at the same moment do not all choose the same one.
- If no machine has room, the same counts. Admission notices what cannot be carried.
- Languages of one stream may have different owners. Each of them hears the stream for itself.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Final

#: In place of a language: the captions of what is said.
HEARING: Final = ""
#: How many machines are drawn. With all, the one with the most free cores would get everything that
#: a lost machine had, as several hubs decide at once: see tools.bench million.
DRAWN: Final = 2
#: What hearing a stream and a language cost, in cores, until they are part of a measured load.
HEAR_CORES: Final = 0.4
LANGUAGE_CORES: Final = 0.3
#: The share of its cores that a machine is given to do.
BUSY: Final = 0.8
#: The share that is to stay free, besides, on a machine to which a language moves. So it does not
#: move back.
SPARE: Final = 0.1

#: The machine of each language of a stream, and of HEARING.
Owners = dict[str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a stream needs. ``targets``: the most important first. ``captions``: of what is said.
    ``source``: None if it is yet to be detected."""

    source: str | None
    targets: tuple[str, ...] = ()
    captions: bool = True

    @property
    def parts(self) -> tuple[str, ...]:
        """What needs an owner."""
        return (HEARING, *self.targets) if self.captions else self.targets


@dataclass(frozen=True, slots=True)
class Machine:
    """What a machine can do. ``load``: the cores in use there; ``highest``: in the last minute, so
    that a pause of the speakers makes no room for others. ``targets``: into which languages
    it interprets each language that it can hear. ``silent``: it may be lost, so it gets nothing
    more until it is heard again. ``draining``: it gets nothing more if others can do it.
    ``detects``: it finds out which language is spoken."""

    cores: float
    targets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    load: float = 0.0
    leaving: bool = False
    silent: bool = False
    draining: bool = False
    highest: float = 0.0
    detects: bool = False

    def can(self, source: str | None, part: str) -> bool:
        """Whether it has the models for this part of a stream."""
        if source is None:
            return bool(self.targets)
        if part == HEARING:
            return source in self.targets
        return part in self.targets.get(source, ())


def place(
    wanted: Mapping[str, Wanted],
    machines: Mapping[str, Machine],
    before: Mapping[str, Owners],
) -> dict[str, Owners]:
    """The owners of all parts of the streams in ``wanted``; a part that no machine has the models
    for has none. ``before``: the owners so far, also of streams that are to stay as they are."""
    after: dict[str, Owners] = {stream: dict(owners) for stream, owners in before.items()}
    after |= {
        stream: {
            part: owner
            for part, owner in before.get(stream, {}).items()
            if part in want.parts and _may(machines.get(owner), want.source, part)
        }
        for stream, want in wanted.items()
    }
    for stream, want in wanted.items():
        for part in want.parts:
            if part not in after[stream]:
                owner = _best(stream, want, part, machines, after)
                if owner is not None:
                    after[stream][part] = owner
    return {stream: after[stream] for stream in wanted}


def relieved(
    stream: str,
    want: Wanted,
    machines: Mapping[str, Machine],
    owners: Mapping[str, Owners],
    ease: bool,
) -> Owners:
    """The owners of a stream's parts that ``want``s are to have from now on, while it pauses.
    ``owners``: so far, of all streams. ``ease``: take from a machine that does too much."""
    before = owners[stream]
    drained = {name for name in before.values() if name in machines and machines[name].draining}
    if drained:
        kept = {part: owner for part, owner in before.items() if owner not in drained}
        return place({stream: want}, machines, {**owners, stream: kept})[stream]
    if ease:
        for name in sorted({*before.values()} & machines.keys()):
            if machines[name].load > BUSY * machines[name].cores:
                after = _eased(stream, want, machines, owners, name)
                if after != before:
                    return after
    return before


def _eased(
    stream: str,
    want: Wanted,
    machines: Mapping[str, Machine],
    owners: Mapping[str, Owners],
    busy: str,
) -> Owners:
    """The owners if ``busy`` gives one language away; with the last goes the stream. The same as
    before if nobody has room."""
    before = owners[stream]
    parts = [part for part in want.parts if before.get(part) == busy]
    languages = [part for part in parts if part != HEARING]
    moved = languages[-1:] if len(languages) > 1 else parts
    kept = {part: owner for part, owner in before.items() if part not in moved}
    others = {**machines, busy: replace(machines[busy], draining=True)}
    after = place({stream: want}, others, {**owners, stream: kept})[stream]
    if any(part not in after for part in moved):  # nobody has the models any more
        return before
    given = dict(_given({**owners, stream: after}))
    for name in {after.get(part, busy) for part in moved}:
        machine = others[name]
        more = _cost([part for part in moved if after[part] == name], name in kept.values())
        free = machine.cores * (BUSY - SPARE) - max(machine.load + more, given[name])
        if name == busy or machine.silent or free < 0:
            return before
    return after


def room(
    want: Wanted,
    part: str,
    machines: Mapping[str, Machine],
    hearing: Collection[str],
    new: Mapping[str, float],
) -> str | None:
    """The machine with the most room for one more part of a stream; None if none has enough.
    ``hearing``: those that have a part of it. ``new``: the cores that recent parts will need, which
    are not measured yet, by machine. "" if none has the models: the language fails for that reason,
    and not for lack of room."""
    able = [name for name, each in machines.items() if _may(each, want.source, part)]
    able = [name for name in able if not machines[name].draining] or able
    free: dict[str, float] = {}
    for name in able:
        hears = part == HEARING or name in hearing
        used = machines[name].highest + new.get(name, 0.0)
        free[name] = BUSY * machines[name].cores - used - cost(part) - (0 if hears else HEAR_CORES)
    best = max(free, key=lambda name: free[name], default="")
    return best if not best or free[best] >= 0 else None


def cost(part: str) -> float:
    """The cores that a part needs, until they are measured."""
    return HEAR_CORES if part == HEARING else LANGUAGE_CORES


def _may(machine: Machine | None, source: str | None, part: str) -> bool:
    return machine is not None and not machine.leaving and machine.can(source, part)


def _best(
    stream: str,
    want: Wanted,
    part: str,
    machines: Mapping[str, Machine],
    owners: Mapping[str, Owners],
) -> str | None:
    able = [name for name, each in machines.items() if _may(each, want.source, part)]
    if want.source is None:
        able = [name for name in able if machines[name].detects] or able
    able = [name for name in able if not machines[name].silent] or able
    able = [name for name in able if not machines[name].draining] or able
    given = dict(_given(owners))

    def free(name: str) -> float:
        return BUSY * machines[name].cores - max(machines[name].load, given.get(name, 0.0))

    def fits(name: str) -> tuple[bool, bool]:
        hears = name in owners[stream].values()
        return free(name) >= _cost([part], hears), hears

    def lot(name: str) -> bytes:
        return blake2b(f"{stream}/{name}".encode(), digest_size=4).digest()

    best = max(map(fits, able), default=None)
    drawn = sorted((name for name in able if fits(name) == best), key=lot)[:DRAWN]
    return max(drawn, key=lambda name: round(free(name), 2), default=None)


def _given(owners: Mapping[str, Owners]) -> Iterator[tuple[str, float]]:
    """The machines, and what all that they were given costs."""
    total: dict[str, float] = {}
    for own in owners.values():
        for name in set(own.values()):
            parts = [part for part, owner in own.items() if owner == name]
            total[name] = total.get(name, 0.0) + _cost(parts, False)
    yield from total.items()


def _cost(parts: list[str], hears: bool) -> float:
    languages = sum(part != HEARING for part in parts)
    return languages * LANGUAGE_CORES + (0.0 if hears else HEAR_CORES)
