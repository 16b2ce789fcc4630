"""Opus packets as an Ogg stream that goes on for ever (RFC 7845), by FFmpeg's muxer."""

import contextlib
from typing import Final

import av
from av import Packet
from av.audio.stream import AudioStream

from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, TIME_BASE

#: A packet without content, 20 ms: the decoder conceals, or goes on with comfort noise. RFC 7845,
#: 4.1 has such packets in the place of lost ones, as players handle a gap in their own ways.
NO_CONTENT: Final = b"\x78"
#: The same for 120 ms, the longest there is: hours are filled in a second.
LONG: Final = b"\x7b\x06"
LONG_TICKS: Final = 6
#: For a listener, a longer gap is left a gap after so many packets: a second.
MOST_FILLED: Final = 50
#: Spaces in the header. FFmpeg and its like look at 2 kB before they play, and in silence that is
#: more than a second of sound.
PADDING: Final = 2_400


class OggOpus:
    """An Ogg stream of 20 ms packets, mono. Its time begins with its first packet, or at timestamp
    ``first``. ``page_s``: seconds in a page; 0: each packet is one. ``fill_all``: gaps are filled
    however long they are.

    A page comes out when the packet after it is given. ``filled``: packets put in for missing ones.
    """

    def __init__(
        self, first: int | None = None, page_s: float = 0.0, *, fill_all: bool = False
    ) -> None:
        self.filled = 0
        self._fill_all = fill_all
        self._out = _Pages()
        duration_us = max(1, round(page_s * 1_000_000))
        options = {"page_duration": str(duration_us), "flush_packets": "1"}
        self._container = av.open(self._out, "w", format="ogg", options=options)
        # Only its header is used: nothing is encoded.
        stream = self._container.add_stream("libopus", RATE_HZ, layout="mono")
        assert isinstance(stream, AudioStream)
        self._stream = stream
        self._container.metadata["padding"] = " " * PADDING
        self._container.start_encoding()
        # FFmpeg counts from after the encoder's lookahead, Ogg with it.
        self._lookahead = int.from_bytes((stream.codec_context.extradata or b"")[10:12], "little")
        self._first = first
        self._next = first or 0

    def push(self, timestamp: int, data: bytes) -> bytes:
        """Add a packet, and return the pages that are complete. ``timestamp``: of its first sample
        at 48 kHz; it must rise, in steps of whole packets."""
        if self._first is None:
            self._first = self._next = timestamp
        missing = (timestamp - self._next) // SAMPLES_PER_TICK
        if self._fill_all:
            while missing >= LONG_TICKS:
                self._fill(LONG, LONG_TICKS)
                missing -= LONG_TICKS
        for _ in range(min(missing, MOST_FILLED)):
            self._fill(NO_CONTENT, 1)
        self._mux(timestamp, data)
        self._next = timestamp + SAMPLES_PER_TICK
        return self._out.taken()

    def close(self) -> bytes:
        """End the stream; returns its last page."""
        self._container.close()
        return self._out.taken()

    def free(self) -> None:
        """Free the muxer's memory, 0.2 MB, if ``close`` has not: the object is in a cycle, so it
        would stay until a full garbage collection. Never fails."""
        with contextlib.suppress(av.FFmpegError):
            self._container.close()

    def _fill(self, data: bytes, ticks: int) -> None:
        self._mux(self._next, data, ticks)
        self._next += ticks * SAMPLES_PER_TICK
        self.filled += 1

    def _mux(self, timestamp: int, data: bytes, ticks: int = 1) -> None:
        packet = Packet(data)
        packet.pts = packet.dts = timestamp - (self._first or 0) - self._lookahead
        packet.time_base, packet.duration = TIME_BASE, ticks * SAMPLES_PER_TICK
        packet.stream = self._stream
        self._container.mux(packet)


class _Pages:
    """A file that cannot be sought in, as PyAV writes to it."""

    def __init__(self) -> None:
        self._pages: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pages.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """What was written since the last call."""
        pages = b"".join(self._pages)
        self._pages.clear()
        return pages
