"""Sends one packet of a channel to all its listeners.

- A packet is packed as RTP, encrypted and handed to the kernel for all listeners of the channel
  within the tick: it wakes up no task and makes no object per listener.
- Listeners differ in sequence number, timestamp offset, payload type, SSRC, SRTP session and
  address only. The first four are in one table, a row for each listener. A listener that changes
  channel keeps its row, so its sequence numbers go on and its timestamps never go back.
- If the kernel refuses a packet, only its listener loses it.
"""

import logging
import random
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import numpy as np
from aiortc.rtp import RtcpSdesPacket, RtcpSourceInfo
from numpy.typing import NDArray
from pylibsrtp import Error as SrtpError
from pylibsrtp import Session

from server.media.batch import HEADER, ROWS, Batch, Destinations
from server.media.ice import Address
from server.media.opus import SAMPLES_PER_TICK
from server.media.repair import HISTORY, History
from server.media.transport import srtp_pointer
from server.process import described

_VERSION: Final = 0x80
MARKER: Final = 0x80
#: Between a listener's sender reports: 5 s, as in browsers. The first is sent sooner.
REPORT_TICKS: Final = 250
_FIRST_REPORT_TICKS: Final = 25
#: How often it is checked whose sender report is due.
_REPORT_CHECK_TICKS: Final = 5
#: From the beginning of NTP time (1900) to that of Unix time.
_NTP_S: Final = 2_208_988_800
#: RFC 3550, 6.4.1: a sender report without report blocks. Its length is in words, less one.
_REPORT: Final = struct.Struct("!BBHIQIII")
_REPORT_START: Final = 0x80, 200, _REPORT.size // 4 - 1
#: RFC 3550, 6.5.1.
_CNAME: Final = 1

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

_log = logging.getLogger(__name__)


class FanOut:
    """Sends to all listeners of a process.

    ``rows``: the table of listeners. ``sent``: for each row, by sequence number modulo HISTORY,
    2 × the packet's number in its channel's history + 1 if it was sent as RED; -1 if it cannot be
    sent again. ``counts``: packets "dropped" (not sent: the kernel refused them, or their time
    had passed), sent "as_red", "sent_again", and "not_sent_again" though requested.
    ``unix_time``: the wall clock, for sender reports.
    """

    def __init__(
        self,
        counts: Counter[str] | None = None,
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        self.unix_time = unix_time
        self.rows = np.zeros(ROWS, _ROW)
        self.sent = np.zeros((ROWS, HISTORY), np.int64)
        self.batch = Batch()
        self.counts: Counter[str] = Counter() if counts is None else counts
        self._free = list(range(ROWS))

    @property
    def listeners(self) -> int:
        """The number of rows in use."""
        return self.rows.size - len(self._free)

    def group(self) -> "Group":
        """A new group, without members."""
        return Group(self)

    def add(self, payload_type: int, ssrc: int) -> int:
        """Take a row for a new listener. The caller must release() it."""
        if not self._free:
            size, rows, sent = self.rows.size, self.rows, self.sent
            self.rows = np.zeros(2 * size, _ROW)  # concatenate() would change the byte order
            self.rows[:size] = rows
            self.sent = np.concatenate((sent, np.zeros_like(sent)))
            self._free = list(range(size, 2 * size))
        row = self._free.pop()
        # The first sequence number is below 2**15, so that the receiver cannot guess a wrong
        # rollover counter for SRTP (RFC 3711, 3.3.1).
        header = (_VERSION, MARKER | payload_type, random.getrandbits(15), 0, ssrc)
        self.rows[row] = (header, random.getrandbits(32), -1, -1, 0, 0)
        self.sent[row] = -1
        return row

    def release(self, row: int) -> None:
        """Free a row that ``add`` returned."""
        self._free.append(row)


class Member:
    """One listener, as its group sends to it.

    ``row``: its row in the fan-out's table; -1 until it is connected, and once it left.
    ``session`` encrypts for it, ``socket`` and ``address`` are where its packets are sent from
    and to; ``socket`` is None while there is no path. ``as_red``: it gets RED.
    """

    def __init__(self, fan_out: FanOut, ssrc: int, cname: str) -> None:
        self.row = -1
        self.session: Session | None = None
        self.socket: socket.socket | None = None
        self.address: Address = ("", 0)
        self.group: Group | None = None
        self.as_red = False
        self._fan_out = fan_out
        self._ssrc = ssrc
        source = RtcpSourceInfo(ssrc=ssrc, items=[(_CNAME, cname.encode())])
        self._description = bytes(RtcpSdesPacket(chunks=[source]))

    def report(self, ntp_time: int) -> None:
        """Send a sender report: what was sent so far, and that the last timestamp was sent at
        ``ntp_time``."""
        row = self._fan_out.rows[self.row]
        report = _REPORT.pack(
            *_REPORT_START,
            self._ssrc,
            ntp_time,
            row["header"]["timestamp"],
            row["packets"],
            row["octets"],
        )
        self.send_rtcp(report + self._description)

    def send_rtcp(self, data: bytes) -> None:
        """Encrypt and send ``data``, if there is a path. Errors are ignored."""
        if self.socket is not None and self.session is not None:
            with suppress(OSError, SrtpError):  # the next report says the same
                self.socket.sendto(self.session.protect_rtcp(data), self.address)


class Group:
    """The listeners of one channel. Their batches are rebuilt when a listener comes, leaves or
    changes."""

    def __init__(self, fan_out: FanOut) -> None:
        self.history = History()
        self._fan_out = fan_out
        self._members: dict[Member, None] = {}
        self._batches: list[_Recipients] | None = None

    def add(self, member: Member) -> None:
        """Send to ``member`` from the next packet on."""
        self._members[member] = None
        member.group = self
        self._fan_out.sent[member.row] = -1  # these were packets of another channel
        self.members_changed()

    def discard(self, member: Member) -> None:
        """Send no more to ``member``."""
        self._members.pop(member, None)
        member.group = None
        self.members_changed()

    def members_changed(self) -> None:
        """Rebuild the batches before the next packet."""
        self._batches = None

    def send(self, tick: int, data: bytes, begins_speech: bool) -> None:
        """Send one packet of 20 ms to all members."""
        self.history.add(tick, data, begins_speech)
        if self._batches is None:
            self._batches = self._batched(as_red=False) + self._batched(as_red=True)
        for recipients in self._batches:
            newest = self.history.payload(self.history.newest, recipients.as_red)
            assert newest is not None
            self._send(recipients, *newest, begins_speech)

    def _batched(self, as_red: bool) -> list["_Recipients"]:
        up = [each for each in self._members if each.socket is not None and each.as_red == as_red]
        up.sort(key=lambda each: id(each.socket))
        return [_Recipients(up[start : start + ROWS], as_red) for start in range(0, len(up), ROWS)]

    def _send(self, to: "_Recipients", tick: int, data: bytes, begins_speech: bool) -> None:
        rows, at = self._fan_out.rows, to.rows
        passed = rows["last_tick"][at] >= tick
        if passed.any():  # browsers go silent if timestamps go back
            self._fan_out.counts["dropped"] += int(passed.sum())
            to = _Recipients(_chosen(to.members, ~passed), to.as_red)
            at = to.rows
            if not at.size:
                return
        header = rows["header"]
        time = np.uint32(tick * SAMPLES_PER_TICK & 0xFFFFFFFF)
        header["timestamp"][at] = rows["offset"][at] + time
        if begins_speech:
            header["kind"][at] |= np.uint8(MARKER)
        refused = self._fan_out.batch.send(header[at], data, to.destinations)
        number = 2 * self.history.newest + to.as_red
        self._fan_out.sent[at, header["sequence"][at] % HISTORY] = number
        header["kind"][at] &= ~np.uint8(MARKER)
        header["sequence"][at] += 1
        rows["last_tick"][at] = tick
        rows["packets"][at] += 1
        rows["octets"][at] += len(data)
        if to.as_red:
            self._fan_out.counts["as_red"] += at.size
        if refused:
            self._fan_out.counts["dropped"] += len(refused)
            rows["packets"][at[refused]] -= 1
            rows["octets"][at[refused]] -= len(data)
        self._report(to, tick)

    def _report(self, to: "_Recipients", tick: int) -> None:
        """Send the sender reports that are due. Intervals are random, so that listeners who
        joined together do not get theirs together (RFC 3550, 6.3.1)."""
        if tick < to.report_check_tick:
            return
        to.report_check_tick = tick + _REPORT_CHECK_TICKS
        ticks = self._fan_out.rows["report_tick"]
        due = _chosen(to.members, ticks[to.rows] <= tick)
        now = ntp_time(self._fan_out.unix_time())
        for member in due:
            if ticks[member.row] < 0:
                wait = random.uniform(0, _FIRST_REPORT_TICKS)
            else:
                self._report_to(member, now)
                wait = random.uniform(0.5, 1.5) * REPORT_TICKS
            ticks[member.row] = tick + 1 + int(wait)

    def _report_to(self, member: Member, now: int) -> None:
        try:
            member.report(now)
        except Exception as error:  # noqa: BLE001  a bug with one listener costs others no packets
            _log.error("a sender report could not be written: %s", described(error))


def ntp_time(unix_s: float) -> int:
    """An NTP timestamp of 64 bits: 32 of seconds, which wrap around in February 2036 (RFC 5905,
    6), and 32 of their fraction."""
    return int((unix_s + _NTP_S) * 2**32) % 2**64


class _Recipients:
    """At most ROWS members who all get RED or all do not, as a batch needs them."""

    def __init__(self, members: list[Member], as_red: bool) -> None:
        self.members = members
        self.as_red = as_red
        self.report_check_tick = 0
        self.rows: NDArray[np.int_] = np.array([each.row for each in members], np.int_)
        self.destinations = Destinations(
            [srtp_pointer(each.session) for each in members if each.session is not None],
            [each.socket for each in members if each.socket is not None],
            [each.address for each in members],
        )


def _chosen(members: Sequence[Member], which: NDArray[np.bool_]) -> list[Member]:
    return [members[each] for each in np.flatnonzero(which).tolist()]
