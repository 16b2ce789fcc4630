"""The files of one recording. They are used in the writer's thread only.

- Captions are lines of JSON, appended as they come.
- A channel is an Ogg stream with a page a second. What is missing in it is filled with packets
  without content, so that all channels of a recording have the same time.
- What was written is whole after any kill, except the page or line that was being written.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from server.media.ogg import OggOpus

CAPTIONS: Final = "captions.jsonl"
SOUND: Final = ".ogg"
#: Seconds of sound in a page.
PAGE_S: Final = 1.0
_ENCODER: Final = msgspec.json.Encoder()


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of captions. It replaces an earlier one of the same ``segment`` and ``language``.
    ``start_ms`` and ``end_ms``: when it was said, in milliseconds since the recording began;
    ``heard_start_ms`` and ``heard_end_ms``: when its interpretation was heard, if it was.
    ``source``: it is what was recognised, not a translation. ``skipped``, ``doubtful``: as in
    signaling."""

    language: str
    segment: int
    revision: int
    start_ms: int
    end_ms: int
    text: str
    source: bool = False
    skipped: bool = False
    doubtful: bool = False
    heard_start_ms: int | None = None
    heard_end_ms: int | None = None

    @property
    def times_ms(self) -> tuple[int, int]:
        """When it is heard in the channel of its language: that is when it is shown."""
        if self.heard_start_ms is None or self.heard_end_ms is None:
            return self.start_ms, self.end_ms
        return self.heard_start_ms, self.heard_end_ms


@dataclass
class Batch:
    """What is written at once. ``packets``: of each channel, with their timestamps at 48 kHz."""

    lines: list[Line] = field(default_factory=list)
    packets: Mapping[str, Sequence[tuple[int, bytes]]] = field(default_factory=dict)


class Files:
    """The files in ``folder``, which is made. ``first``: the timestamp of the first packet of all
    channels. Raises OSError."""

    def __init__(self, folder: Path, first: int) -> None:
        self.folder = folder
        self._first = first
        self._open: dict[str, int] = {}
        self._channels: dict[str, OggOpus] = {}
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)

    def append(self, batch: Batch) -> int:
        """Write the batch; returns the number of bytes. Raises OSError, also if the files are not
        there any more."""
        written = 0
        if batch.lines:
            data = b"".join(_ENCODER.encode(line) + b"\n" for line in batch.lines)
            written += self._append(CAPTIONS, data)
        for channel, packets in batch.packets.items():
            if channel not in self._channels:
                self._channels[channel] = OggOpus(self._first, PAGE_S, fill_all=True)
            ogg = self._channels[channel]
            pages = b"".join(ogg.push(timestamp, data) for timestamp, data in packets)
            written += self._append(channel + SOUND, pages)
        return written

    def close(self) -> None:
        """End the channels and close all files. Raises OSError."""
        try:
            for channel, ogg in self._channels.items():
                self._append(channel + SOUND, ogg.close())
        finally:
            for descriptor in self._open.values():
                os.close(descriptor)
            self._open.clear()
            self._channels.clear()

    def _append(self, name: str, data: bytes) -> int:
        """Write all of it, or nothing."""
        file = self._open.get(name)
        if file is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
            file = self._open[name] = os.open(self.folder / name, flags, 0o600)
        status = os.fstat(file)
        if not status.st_nlink:
            raise FileNotFoundError(2, "the file was removed", str(self.folder / name))
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(file, left) :]
        except OSError:
            os.ftruncate(file, status.st_size)
            raise
        return len(data)
