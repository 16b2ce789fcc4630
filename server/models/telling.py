"""Shows the events of a pull: a progress bar on a terminal, lines elsewhere, JSON for programs."""

import sys
from collections.abc import Callable
from typing import Final, Never, TextIO

import msgspec
from tqdm import tqdm

from server.models.events import Event, Tell

#: Without a terminal, progress is shown in this many lines.
PARTS: Final = 10


def teller(as_json: bool) -> Tell:
    """A function that shows events on standard output."""
    return _json if as_json else Shown(sys.stdout, _text).tell


def megabytes(size: int) -> str:
    """``size`` in bytes for people; "? MB" if it is 0, which means unknown."""
    return f"{size / 1e6:,.0f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB" if size else "? MB"


def _json(event: Event) -> None:
    print(msgspec.json.encode(event).decode(), flush=True)


def _text(event: Event) -> str | None:
    """The event as a line for people; None if it is only progress."""
    match event.event:
        case "plan":
            size = megabytes(event.total)
            return event.message or f"{event.model}: {size}, licence {event.licence}"
        case "installed":
            return event.message or f"{event.model}: installed and checked ({event.source})"
        case _:
            return event.message or None


class Shown:
    """Shows events on ``file``: progress as a bar if that is a terminal, else as lines. ``text``:
    returns the line for any other event; None for none."""

    def __init__(self, file: TextIO, text: Callable[[Event], str | None]) -> None:
        self._file = file
        self._text = text
        self._bar: tqdm[Never] | None = None
        self._part = 0

    def tell(self, event: Event) -> None:
        """Show one event."""
        if text := self._text(event):
            self.close()
            print(text, file=self._file, flush=True)
        if event.event == "plan":
            self._part = 0
        if event.event == "progress" and event.total:
            if self._file.isatty():
                self._move_bar(event)
            elif (part := PARTS * event.bytes // event.total) > self._part:
                self._part = part
                print(f"{event.model}: {100 * part // PARTS} %", file=self._file, flush=True)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _move_bar(self, event: Event) -> None:
        if self._bar is None or self._bar.total != event.total:
            self.close()
            tqdm.monitor_interval = 0  # without tqdm's monitor thread
            self._bar = tqdm(
                total=event.total,
                file=self._file,
                unit="B",
                unit_scale=True,
                desc=event.model,
                leave=False,
            )
        self._bar.update(event.bytes - self._bar.n)
