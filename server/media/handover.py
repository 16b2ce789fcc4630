"""Hands a language over between the machine's speech and a person's, and between two persons.

- In each tick exactly one of them is heard: two never speak at once.
- The change is within one tick: what was heard fades out in its first half, what follows fades in
  in its second. Packets, their times and their SSRC go on.
- A person is heard as soon as 60 ms of their sound are there; until then who was heard before goes
  on. If a person's sound ends, the machine goes on, until that sound is back.
- The machine comes back at its next quiet moment, after RETURN_S at the latest, so that it rarely
  begins within a word.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from server.media.floor import FloorBuffer, is_quiet
from server.media.opus import SAMPLES_PER_TICK, TICK_S, Pcm

#: The machine's word in progress is waited for so long.
RETURN_S: Final = 0.24
#: A person's sound has ended when none was there for so long.
ENDED_S: Final = 0.2
_RETURN_TICKS: Final = round(RETURN_S / TICK_S)
_ENDED_TICKS: Final = round(ENDED_S / TICK_S)
_HALF: Final = SAMPLES_PER_TICK // 2
_RISING: Final = np.linspace(0, 1, _HALF, dtype=np.float32)
_FALLING: Final = _RISING[::-1]


class Handover:
    """One language's. ``person``: whose sound is to be heard; None: the machine's. ``changed`` is
    called when somebody else is heard from now on."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self.person: FloorBuffer | None = None
        self._changed = changed
        self._heard: FloorBuffer | None = None
        self._missing = 0
        self._waited = 0

    @property
    def by_person(self) -> bool:
        """Whether a person is heard now."""
        return self._heard is not None

    def pull(self, machine: Pcm | None) -> Pcm | None:
        """The next 20 ms; None: silence. ``machine``: its speech of this tick, which is lost while
        a person is heard."""
        before, there = machine, True
        if self._heard is not None:
            before = self._heard.pull()[0]
            self._missing = 0 if self._heard.pulled is not None else self._missing + 1
            there = self._missing < _ENDED_TICKS
        after, follows = machine, self._heard if there else None
        if self.person is not self._heard:
            if self.person is None:
                follows = None
            else:
                sound = self.person.pull()[0]
                if self.person.pulled is not None:
                    after, follows = sound, self.person
        if follows is self._heard:
            self._waited = 0
            return before
        if follows is None and not self._may_begin(machine):
            self._waited += 1
            return joined(before, None) if self._waited == 1 else None
        made = joined(before if self._waited == 0 else None, after)
        self._heard, self._waited, self._missing = follows, 0, 0
        self._changed()
        return made

    def _may_begin(self, machine: Pcm | None) -> bool:
        return machine is None or is_quiet(machine) or self._waited >= _RETURN_TICKS


def joined(before: Pcm | None, after: Pcm | None) -> Pcm:
    """20 ms in which ``before`` fades out, and then ``after`` fades in."""
    pcm: Pcm = np.zeros(SAMPLES_PER_TICK, np.int16)
    if before is not None:
        pcm[:_HALF] = before[:_HALF] * _FALLING
    if after is not None:
        pcm[_HALF:] = after[_HALF:] * _RISING
    return pcm
