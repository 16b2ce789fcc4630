"""The events of a pull, for display."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

Source = Literal["official", "package index", "mirror", "file", "address"]
#: Progress is reported after at least this many bytes.
TELL_BYTES: Final = 1 << 20


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event of a pull. ``bytes``: received so far, of ``total``. ``message``: for people."""

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
    """Reports the progress of one model from one source. ``total``: bytes in all. ``done``: bytes
    of the files completed before. ``told``: bytes when it last reported."""

    model: str
    source: Source
    tell: Tell
    total: int
    done: int = 0
    told: int = -TELL_BYTES

    def here(self, count: int) -> None:
        """Report that ``count`` bytes of the present file have been received."""
        have = self.done + count
        if abs(have - self.told) >= TELL_BYTES or have == self.total:
            self.told = have
            total = max(self.total, have)
            self.tell(Event("progress", self.model, have, total, self.source))

    def file_done(self, size: int) -> None:
        """Report that a file of ``size`` bytes is complete."""
        self.done += size
        self.here(0)
