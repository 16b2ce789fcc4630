"""One packet to many listeners, with as little as can be between the clock and the sockets.

- A channel's packet is made into RTP, encrypted and handed to the kernel for all its listeners
  together, within the tick: no task wakes up, no packet is an object of aiortc's.
- Per listener only sequence number, timestamp offset, payload type, SSRC, SRTP and address
  differ. They stand in one table; a listener that moves to another channel takes its row along,
  so its sequence goes on and its time never jumps back.
- What the kernel refuses costs its listener that packet, and nobody else anything.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from server.media.batch import HEADER, ROWS, Batch, Sending, Way
from server.media.opus import SAMPLES_PER_TICK
from server.media.repair import HISTORY, History
from server.media.transport import srtp_pointer

if TYPE_CHECKING:
    from server.media.sender import Sender

_VERSION: Final = 0x80
MARKER: Final = 0x80
#: Between a listener's sender reports: 5 s, as browsers do. The first comes soon after it joined.
REPORT_TICKS: Final = 250
_FIRST_REPORT_TICKS: Final = 25
#: Between looks for whose turn it is.
_REPORT_LOOK_TICKS: Final = 5
#: From NTP's beginning, 1900, to Unix's.
_NTP_S: Final = 2_208_988_800

_ROW: Final = np.dtype(
    [
        ("header", HEADER),
        ("offset", np.uint32),
        ("last_tick", np.int64),
        ("report_tick", np.int64),
        ("packets", np.uint32),
        ("octets", np.uint32),
    ]
)


class FanOut:
    """Sends to all listeners of a process. ``listeners``: how many there are of them.
    ``counts``: packets "sent_again", "not_sent_again" though asked for, sent "as_red". ``sent``:
    what went out to each under its last sequence numbers, twice its number in the channel's
    history and one more if as RED; below 0: nothing that could be sent again. ``unix_time``: the
    wall clock, for reports."""

    def __init__(
        self,
        counts: Counter[str] | None = None,
        batch: Sending | None = None,
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        self.unix_time = unix_time
        self.rows = np.zeros(ROWS, _ROW)
        self.sent = np.zeros((ROWS, HISTORY), np.int64)
        self.batch = Batch() if batch is None else batch
        self.counts: Counter[str] = Counter() if counts is None else counts
        self._free = list(range(ROWS))

    @property
    def listeners(self) -> int:
        """How many rows are in use."""
        return self.rows.size - len(self._free)

    def group(self) -> "Group":
        """A new group, without members."""
        return Group(self)

    def add(self, payload_type: int, ssrc: int) -> int:
        """A row for a new listener; to be released."""
        if not self._free:
            size, rows, sent = self.rows.size, self.rows, self.sent
            self.rows = np.zeros(2 * size, _ROW)  # concatenate() would lose the network's order
            self.rows[:size] = rows
            self.sent = np.concatenate((sent, np.zeros_like(sent)))
            self._free = list(range(size, 2 * size))
        row = self._free.pop()
        # Sequences begin below half: so the rollover counter of SRTP is 0 for sure (RFC 3711,
        # 3.3.1).
        header = (_VERSION, MARKER | payload_type, random.getrandbits(15), 0, ssrc)
        self.rows[row] = (header, random.getrandbits(32), -1, -1, 0, 0)
        self.sent[row] = -1
        return row

    def release(self, row: int) -> None:
        """Free a row that ``add`` returned."""
        self._free.append(row)


class Group:
    """One channel's listeners, in batches that are made anew when they change."""

    def __init__(self, fan_out: FanOut) -> None:
        self.history = History()
        self._fan_out = fan_out
        self._members: dict[Sender, None] = {}
        self._batches: list[_Members] | None = None

    def add(self, member: "Sender") -> None:
        """Send to ``member``, too."""
        self._members[member] = None
        member.group = self
        self._fan_out.sent[member.row] = -1  # was of another channel
        self.look_again()

    def discard(self, member: "Sender") -> None:
        """Send to ``member`` no more."""
        self._members.pop(member, None)
        member.group = None
        self.look_again()

    def look_again(self) -> None:
        """Somebody came, left or moved."""
        self._batches = None

    def send(self, tick: int, data: bytes, begins_speech: bool) -> None:
        """Send one packet, of 20 ms, to all members."""
        self.history.add(tick, data, begins_speech)
        if self._batches is None:
            self._batches = self._gathered(as_red=False) + self._gathered(as_red=True)
        for members in self._batches:
            newest = self.history.payload(self.history.newest, members.as_red)
            assert newest is not None
            self._send(members, *newest, begins_speech)

    def _gathered(self, as_red: bool) -> list["_Members"]:
        up = [each for each in self._members if each.socket is not None and each.as_red == as_red]
        up.sort(key=lambda each: id(each.socket))
        return [_Members(up[start : start + ROWS], as_red) for start in range(0, len(up), ROWS)]

    def _send(self, to: "_Members", tick: int, data: bytes, begins_speech: bool) -> None:
        rows, at = self._fan_out.rows, to.rows
        behind = rows["last_tick"][at] >= tick
        if behind.any():  # a clock that jumped back silences browsers
            for member in _chosen(to.members, behind):
                member.refused()
            to = _Members(_chosen(to.members, ~behind), to.as_red)
            at = to.rows
            if not at.size:
                return
        header = rows["header"]
        time = np.uint32(tick * SAMPLES_PER_TICK & 0xFFFFFFFF)
        header["timestamp"][at] = rows["offset"][at] + time
        if begins_speech:
            header["kind"][at] |= np.uint8(MARKER)
        refused = self._fan_out.batch.send(header[at], data, to.way)
        number = 2 * self.history.newest + to.as_red
        self._fan_out.sent[at, header["sequence"][at] % HISTORY] = number
        header["kind"][at] &= ~np.uint8(MARKER)
        header["sequence"][at] += 1
        rows["last_tick"][at] = tick
        rows["packets"][at] += 1
        rows["octets"][at] += len(data)
        if to.as_red:
            self._fan_out.counts["as_red"] += at.size
        for each in refused:
            to.members[each].refused()
            rows["packets"][at[each]] -= 1
            rows["octets"][at[each]] -= len(data)
        self._report(to, tick)

    def _report(self, to: "_Members", tick: int) -> None:
        """A sender report for each whose turn it is; at random, so that those who came together
        do not report together (RFC 3550, 6.3.1)."""
        if tick < to.report_look_tick:
            return
        to.report_look_tick = tick + _REPORT_LOOK_TICKS
        ticks = self._fan_out.rows["report_tick"]
        due = _chosen(to.members, ticks[to.rows] <= tick)
        now = ntp_time(self._fan_out.unix_time())
        for member in due:
            if ticks[member.row] < 0:
                wait = random.uniform(0, _FIRST_REPORT_TICKS)
            else:
                member.report(now)
                wait = random.uniform(0.5, 1.5) * REPORT_TICKS
            ticks[member.row] = tick + 1 + int(wait)


def ntp_time(unix_s: float) -> int:
    """NTP's 64 bits: 32 of seconds, which begin again at 0 in February 2036 (RFC 5905, 6), and 32
    of their fraction."""
    return int((unix_s + _NTP_S) * 2**32) % 2**64


class _Members:
    """At most ROWS listeners of one variant, as a batch needs them."""

    def __init__(self, members: list["Sender"], as_red: bool) -> None:
        self.members = members
        self.as_red = as_red
        self.report_look_tick = 0
        self.rows: NDArray[np.int_] = np.array([each.row for each in members], np.int_)
        self.way = Way(
            [srtp_pointer(each.session) for each in members if each.session is not None],
            [each.socket for each in members if each.socket is not None],
            [each.address for each in members],
        )


def _chosen(members: Sequence["Sender"], which: NDArray[np.bool_]) -> list["Sender"]:
    return [members[each] for each in np.flatnonzero(which).tolist()]
