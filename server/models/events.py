"""What becomes of a pull, for whoever shows it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

Source = Literal["official", "package index", "mirror", "file", "address"]
#: Progress is told of at most so often.
TELL_BYTES: Final = 1 << 20


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that became of a pull. ``bytes`` of ``total`` are here."""

    event: Literal["plan", "progress", "installed", "failed", "done"]
    model: str = ""
    bytes: int = 0
    total: int = 0
    source: str = ""
    licence: str = ""
    message: str = ""


Tell = Callable[[Event], None]


@dataclass
class Progress:
    """Of one model from one source: ``done`` bytes in files before this one."""

    model: str
    source: Source
    tell: Tell
    total: int
    done: int = 0
    told: int = -TELL_BYTES

    def here(self, count: int) -> None:
        """``count`` bytes of the current file are here; told every TELL_BYTES."""
        have = self.done + count
        if abs(have - self.told) >= TELL_BYTES or have == self.total:
            self.told = have
            total = max(self.total, have)
            self.tell(Event("progress", self.model, have, total, self.source))

    def file_done(self, size: int) -> None:
        """A file of ``size`` bytes is complete."""
        self.done += size
        self.here(0)
