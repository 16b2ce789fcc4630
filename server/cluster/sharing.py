"""One stream that several machines may share: who may say what, and what each is asked for. No
I/O."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from server.bus.messages import (
    AUTO,
    RATE_HZ,
    AudioChunk,
    Caption,
    Committed,
    Demand,
    Drain,
    Failure,
    Glossary,
    Message,
    Reload,
    Speech,
    Spoken,
)
from server.cluster.pauses import Pauses
from server.cluster.placement import HEARING, Owners, Wanted

#: Beyond what anybody speaks in one stream: ten years.
_MOST_SAMPLES: Final = 10 * 366 * 86_400 * RATE_HZ


def makes_sense(message: Message) -> bool:
    """Whether the media process can work with what a machine says: an interpreter elsewhere may be
    broken, and is not to harm other streams."""
    match message:
        case Speech():
            samples = (message.play_at, message.start_sample, message.end_sample)
            return (
                len(message.pcm) % 2 == 0
                and 8_000 <= message.rate_hz <= 48_000
                and all(0 <= each <= _MOST_SAMPLES for each in samples)
            )
        case Caption():
            return 0 <= message.start_sample <= message.end_sample <= _MOST_SAMPLES
        case Committed() | Spoken():
            return 0 <= message.sample <= _MOST_SAMPLES
        case Demand() | AudioChunk() | Glossary() | Reload() | Drain():  # not for hubs
            return False
        case _:
            return True


@dataclass
class SharedStream:
    """A demanded stream. ``demanded_s``: when, by the loop's clock. ``owners``: the machine of each
    part, as ``placement`` decided."""

    demand: Demand
    demanded_s: float
    owners: Owners = field(default_factory=dict)
    pauses: Pauses = field(default_factory=Pauses)
    _committed: dict[str, int] = field(default_factory=dict)

    @property
    def machines(self) -> set[str]:
        """The machines that have a part in it."""
        return set(self.owners.values())

    def parts_of(self, machine: str) -> list[str]:
        """The parts that a machine has."""
        return [part for part, owner in self.owners.items() if owner == machine]

    @property
    def is_wanted(self) -> bool:
        """Whether anything is demanded."""
        return bool(self.demand.captions or self.demand.speech or self.demand.text)

    @property
    def wanted(self) -> Wanted:
        """What it needs, for ``placement``."""
        demand = self.demand
        languages = {*demand.speech, *demand.text}
        targets = sorted(languages, key=lambda each: (-demand.listeners.get(each, 0), each))
        source = None if demand.source == AUTO else demand.source
        return Wanted(source, tuple(targets), demand.captions)

    def take(self, demand: Demand, now_s: float) -> None:
        """Take the latest demand."""
        if demand.epoch != self.demand.epoch:
            self._begin()
        self.demand, self.demanded_s = demand, now_s

    def lose(self, machine: str) -> None:
        """The machine was lost: its parts are placed anew, in the next epoch."""
        self.owners = {part: owner for part, owner in self.owners.items() if owner != machine}
        self._begin()

    def _begin(self) -> None:
        """What was not committed is sent again by whoever began an epoch."""
        self._committed.clear()
        self.pauses = Pauses()

    def demand_of(self, machine: str) -> Demand:
        """What a machine is asked for; nothing if it has no part."""
        demand, owners = self.demand, self.owners
        return msgspec.structs.replace(
            demand,
            speech=tuple(each for each in demand.speech if owners.get(each) == machine),
            text=tuple(each for each in demand.text if owners.get(each) == machine),
            captions=demand.captions and owners.get(HEARING) == machine,
        )

    def may_say(self, machine: str, message: Message) -> bool:
        """Whether the message is about a part that the machine owns."""
        match message:
            case Committed():
                return machine in self.machines
            case Caption() | Speech() | Failure() if message.language in self.owners:
                return self.owners[message.language] == machine
            case _:
                return machine in self.machines and self.owners.get(HEARING, machine) == machine

    def committed(self, machine: str, sample: int) -> int | None:
        """The sample before which all machines of the stream have interpreted everything; None if
        one of them has not said so yet."""
        self._committed[machine] = sample
        reached = [self._committed.get(each) for each in self.machines]
        known = [each for each in reached if each is not None]
        if not known or len(known) < len(reached):
            return None
        self.pauses.committed(min(known))
        return min(known)

    def unplaced(self) -> Iterator[Failure]:
        """A failure for each language that has no machine: none has the models for it."""
        for language in (*self.demand.speech, *self.demand.text):
            if language not in self.owners:
                yield Failure(
                    stream=self.demand.stream,
                    epoch=self.demand.epoch,
                    language=language,
                    failing=True,
                    reason="broken",
                )
