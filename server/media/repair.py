"""What is done against the loss of packets on their way to listeners. Sans-I/O.

- A channel has two variants, made once each: its packets as they are, and RED with the two
  packets before. Who loses packets gets RED, where negotiated, until it has lost none for long.
  For those who took no RED the channel's encoder adds coarse copies of its own (FEC).
- What a listener says it missed is sent to it again from the channel's history, the same bytes
  under the same number, as far as its allowance goes.
"""

from typing import Final

from server.media import red
from server.media.opus import SAMPLES_PER_TICK

#: Packets of a channel, and of a listener, that can be sent again: over a second of speech.
HISTORY: Final = 64
#: Times a second that a listener may have packets sent again, as often as it is sent new ones.
RETRANSMISSIONS_PER_S: Final = 50
#: Of Opus in RED, as browsers number it: a variant is the same bytes for all.
RED_OPUS_TYPE: Final = 111
COPIES: Final = 2
#: Larger payloads do not pass every network.
MAX_RED_BYTES: Final = 1100

#: Loss is judged by so many packets: two seconds.
WINDOW_PACKETS: Final = 100
#: What was once lost counts so much less by every window: a tenth after 20 s.
DECAY: Final = 0.8
#: Shares lost from which on, and until which, a listener gets RED.
RED_FROM: Final = 0.02
RED_UNTIL: Final = 0.004


class History:
    """What a channel lately sent. Its packets are numbered from 0 on; a number is given once."""

    def __init__(self) -> None:
        self.newest = -1
        self._packets: dict[int, tuple[int, bytes]] = {}
        self._red: dict[int, bytes] = {}
        self._begin_speech: set[int] = set()

    def add(self, tick: int, data: bytes, begins_speech: bool = False) -> None:
        """Keep a packet. The oldest is forgotten."""
        self.newest += 1
        self._packets[self.newest] = tick, data
        self._packets.pop(self.newest - HISTORY - COPIES, None)
        self._red.pop(self.newest - HISTORY - COPIES, None)
        self._begin_speech.discard(self.newest - HISTORY - COPIES)
        if begins_speech:
            self._begin_speech.add(self.newest)

    def begins_speech(self, number: int) -> bool:
        """Whether a packet was, and is to be, marked for all listeners."""
        return number in self._begin_speech

    def payload(self, number: int, as_red: bool) -> tuple[int, bytes] | None:
        """A packet's tick and payload: the same bytes whenever asked. None once forgotten."""
        if number not in self._packets:
            return None
        tick, data = self._packets[number]
        if as_red and number not in self._red:
            if number != self.newest:  # never was sent as such: what was before may be forgotten
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
    """The ``share`` of its packets that a listener loses on the way, 0 to 1, by its own word:
    what it asks for again at once, and what it reports now and then. Quick to rise, slow to
    fall."""

    def __init__(self) -> None:
        self.share = 0.0
        self.wants_red = False
        self._requested: set[int] = set()
        self._since: tuple[int, int] | None = None

    @property
    def significant_share(self) -> float:
        """The share, as long as something is to be done about it; else 0."""
        return self.share if self.share >= RED_UNTIL else 0.0

    def requested(self, sequence: int) -> None:
        """It missed this packet, and may say so more than once."""
        if len(self._requested) < WINDOW_PACKETS:
            self._requested.add(sequence)
            self._update(0, len(self._requested))

    def reported(self, highest: int, lost: int) -> None:
        """Of a receiver report (RFC 3550, 6.4.1): the extended highest sequence number, and how
        many were lost so far. What came on being asked for is not among them."""
        since_highest, since_lost = self._since or (highest, 0)
        expected = highest - since_highest
        if expected < 0:  # it started anew
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
