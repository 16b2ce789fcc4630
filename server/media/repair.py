"""Protects listeners against packet loss. Sans-I/O.

- A channel has two variants, each made once: its packets as they are, and RED with the two packets
  before. A listener that loses packets gets RED, if it was negotiated, until it has lost none for
  long. For listeners without RED the channel's encoder adds FEC.
- Requested packets are retransmitted from the channel's history: the same bytes with the same
  sequence number, up to a limit for each listener.
"""

from typing import Final

from server.media import red
from server.media.opus import SAMPLES_PER_TICK

#: Packets of a channel, and of a listener, that can be retransmitted: over a second of speech.
HISTORY: Final = 64
#: For each listener: as many as new packets.
RETRANSMISSIONS_PER_S: Final = 50
#: The payload type of Opus in RED, as in browsers, so that all listeners can get the same bytes.
RED_OPUS_TYPE: Final = 111
COPIES: Final = 2
#: Larger payloads do not pass every network.
MAX_RED_BYTES: Final = 1100

#: Loss is computed over so many packets: two seconds.
WINDOW_PACKETS: Final = 100
#: Earlier loss counts less by this factor with every window: a tenth after 20 s.
DECAY: Final = 0.8
#: The share of lost packets at which a listener gets RED, and below which it no longer does.
RED_FROM: Final = 0.02
RED_UNTIL: Final = 0.004


class History:
    """The last packets of a channel, which are numbered from 0 on."""

    def __init__(self) -> None:
        self.newest = -1
        self._packets: dict[int, tuple[int, bytes]] = {}
        self._red: dict[int, bytes] = {}
        self._begin_speech: set[int] = set()

    def add(self, tick: int, data: bytes, begins_speech: bool = False) -> None:
        """Add a packet. The oldest is forgotten."""
        self.newest += 1
        self._packets[self.newest] = tick, data
        self._packets.pop(self.newest - HISTORY - COPIES, None)
        self._red.pop(self.newest - HISTORY - COPIES, None)
        self._begin_speech.discard(self.newest - HISTORY - COPIES)
        if begins_speech:
            self._begin_speech.add(self.newest)

    def begins_speech(self, number: int) -> bool:
        """Whether a packet has the marker bit for all listeners."""
        return number in self._begin_speech

    def payload(self, number: int, as_red: bool) -> tuple[int, bytes] | None:
        """A packet's tick and payload, which is always the same. None once forgotten."""
        if number not in self._packets:
            return None
        tick, data = self._packets[number]
        if as_red and number not in self._red:
            if number != self.newest:  # was not sent as RED; those before may be forgotten
                return None
            self._red[number] = self._with_copies(tick, data)
        return tick, self._red[number] if as_red else data

    def _with_copies(self, tick: int, data: bytes) -> bytes:
        copies: list[tuple[int, bytes]] = []
        room = MAX_RED_BYTES - len(data)
        for number in range(self.newest - 1, max(-1, self.newest - 1 - COPIES), -1):
            earlier, copy = self._packets[number]
            before = (tick - earlier) * SAMPLES_PER_TICK
            room -= len(copy)
            if not 0 < before <= red.MAX_BEFORE or len(copy) > red.MAX_COPY_BYTES or room < 0:
                break
            copies.insert(0, (before, copy))
        return red.packed(RED_OPUS_TYPE, copies, data)


class Losses:
    """The ``share`` of packets that a listener loses, 0 to 1, from its NACKs and its receiver
    reports. It rises at once, and falls slowly."""

    def __init__(self) -> None:
        self.share = 0.0
        self.wants_red = False
        self._requested: set[int] = set()
        self._since: tuple[int, int] | None = None

    @property
    def significant_share(self) -> float:
        """The share, if it is large enough to act on; else 0."""
        return self.share if self.share >= RED_UNTIL else 0.0

    def requested(self, sequence: int) -> None:
        """The listener requested this packet, perhaps not for the first time."""
        if len(self._requested) < WINDOW_PACKETS:
            self._requested.add(sequence)
            self._update(0, len(self._requested))

    def reported(self, highest: int, lost: int) -> None:
        """A receiver report came (RFC 3550, 6.4.1): the extended highest sequence number, and the
        packets lost so far, without those that came as a retransmission."""
        since_highest, since_lost = self._since or (highest, 0)
        expected = highest - since_highest
        if expected < 0:  # the listener counts anew
            self._since = highest, lost
            return
        lost_since = max(lost - since_lost, len(self._requested))
        self._update(expected, lost_since)
        if expected >= WINDOW_PACKETS or self._since is None:
            self._since = highest, lost
            self._requested.clear()

    def _update(self, expected: int, lost: int) -> None:
        now = min(1.0, max(0, lost) / max(expected, WINDOW_PACKETS))
        if expected >= WINDOW_PACKETS:
            self.share *= DECAY ** (expected / WINDOW_PACKETS)
        self.share = max(self.share, now)
        self.wants_red = self.share >= (RED_UNTIL if self.wants_red else RED_FROM)
