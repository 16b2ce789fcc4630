"""The interface of small records that several machines read and change."""

from collections.abc import Callable
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """``revision``: 0 if there is no record; then ``value`` is empty."""

    key: str
    value: bytes
    revision: int


class Records(Protocol):
    """The records. ``heard`` is called with each that was written, here or elsewhere. ``run`` must
    be running. Revisions rise over all records."""

    heard: Callable[[Record], None]

    @property
    def there(self) -> bool:
        """Whether they can be read and changed now."""

    async def run(self) -> None:
        """Find them whenever they can be reached, until cancelled."""

    async def write(self, key: str, value: bytes, over: int) -> Record:
        """Write a record over the revision ``over``; 0: over none. Returns the record that there
        is then: this one, or a newer one of somebody else. Raises OSError if that is not known."""
