"""Shows the events of a pull: a progress bar on a terminal, lines elsewhere, JSON for programs."""

import sys
from typing import Final, Never

import msgspec
from tqdm import tqdm

from server.models.events import Event, Tell

#: Without a terminal, progress is shown in this many lines.
PARTS: Final = 10


def teller(as_json: bool) -> Tell:
    """A function that shows events on standard output."""
    if as_json:
        return _json
    return _Bar().tell if sys.stdout.isatty() else _Lines().tell


def megabytes(size: int) -> str:
    """``size`` in bytes for people; "? MB" if it is 0, which means unknown."""
    return f"{size / 1e6:,.0f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB" if size else "? MB"


def _json(event: Event) -> None:
    print(msgspec.json.encode(event).decode(), flush=True)


def _said(event: Event) -> str | None:
    """The event as a line for people; None if it is only progress."""
    match event.event:
        case "plan":
            size = megabytes(event.total)
            return event.message or f"{event.model}: {size}, licence {event.licence}"
        case "installed":
            return event.message or f"{event.model}: installed and checked ({event.source})"
        case _:
            return event.message or None


class _Bar:
    def __init__(self) -> None:
        self._bar: tqdm[Never] | None = None

    def tell(self, event: Event) -> None:
        if said := _said(event):
            self._close()
            print(said, flush=True)
        if event.event == "progress" and event.total:
            bar = self._bar
            if bar is None or bar.total != event.total:
                self._close()
                self._bar = bar = tqdm(
                    total=event.total, unit="B", unit_scale=True, desc=event.model, leave=False
                )
            bar.update(event.bytes - bar.n)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _Lines:
    def __init__(self) -> None:
        self._part = 0

    def tell(self, event: Event) -> None:
        if said := _said(event):
            print(said, flush=True)
        if event.event == "plan":
            self._part = 0
        if event.event == "progress" and event.total:
            part = PARTS * event.bytes // event.total
            if part > self._part:
                self._part = part
                have, all_of_it = megabytes(event.bytes), megabytes(event.total)
                print(f"{event.model}: {have} of {all_of_it} ({event.source})", flush=True)
