"""One packet to many listeners, with as little as can be between the clock and the sockets.

- A channel's packet is made into RTP, encrypted and handed to the kernel for all its listeners
  together, within the tick: no task wakes up, no packet is an object of aiortc's.
- Per listener only sequence number, timestamp offset, SSRC, SRTP and address differ. They stand
  in one table; a listener that moves to another channel takes its row along, so its sequence
  goes on and its time never jumps back.
- What the kernel refuses costs its listener that packet, and nobody else anything.
- aiortc keeps ICE, DTLS and what comes in. Its internals are used here; missing() says what is
  not as it was, and then listeners are sent to by aiortc itself.
"""

import asyncio
import random
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from typing import Any, Final

import numpy as np
from aioice import Connection
from aiortc import RTCRtpSender, clock
from aiortc.rtcdtlstransport import RTCDtlsTransport, State
from aiortc.rtp import (
    RtcpByePacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
)
from numpy.typing import NDArray
from pylibsrtp import Error as SrtpError

from server.media import batch
from server.media.batch import HEADER, ROWS, Batch, Way
from server.media.broadcast import SubscriberTrack
from server.media.opus import SAMPLES_PER_TICK

_VERSION: Final = 0x80
_MARKER: Final = 0x80
#: Between a listener's sender reports: 5 s, as browsers do. The first comes soon after it joined.
REPORT_TICKS: Final = 250
_FIRST_REPORT_TICKS: Final = 25
_COMPONENT: Final = 1
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


class FanOut:
    """Sends to all listeners of a process. ``listeners``: how many there are of them."""

    def __init__(self) -> None:
        self.rows = np.zeros(ROWS, _ROW)
        self.batch = Batch()
        self._free = list(range(ROWS))

    @property
    def listeners(self) -> int:
        return self.rows.size - len(self._free)

    def group(self) -> "_Group":
        return _Group(self)

    def add(self, payload_type: int, ssrc: int) -> int:
        """A row for a new listener; to be released."""
        if not self._free:
            size = self.rows.size
            self.rows = np.concatenate((self.rows, np.zeros(size, _ROW)))
            self._free = list(range(size, 2 * size))
        row = self._free.pop()
        # Sequences begin below half: so the rollover counter of SRTP is 0 for sure (RFC 3711,
        # 3.3.1).
        header = (_VERSION, _MARKER | payload_type, random.getrandbits(15), 0, ssrc)
        self.rows[row] = (header, random.getrandbits(32), -1, -1, 0, 0)
        return row

    def release(self, row: int) -> None:
        self._free.append(row)


class DirectSender:
    """Sends a listener's channel in place of aiortc's RTCRtpSender, together with the others of
    ``fan_out``."""

    def __init__(self, sender: RTCRtpSender, track: SubscriberTrack, fan_out: FanOut) -> None:
        self.row = -1
        self.session: Any = None
        self.socket: socket.socket | None = None
        self.address = ("", 0)
        self.group: _Group | None = None
        self._sender: Any = sender
        self._track = track
        self._fan_out = fan_out
        self._dtls: Any = sender.transport
        self._pairs = _Watched(self._dtls.transport._connection._nominated, self._look)
        self._dtls.transport._connection._nominated = self._pairs
        sender._run_rtp = self._run  # type: ignore[method-assign]
        sender._run_rtcp = self._run_rtcp  # type: ignore[method-assign]

    async def _run(self, codec: Any) -> None:
        """Until the track is stopped; aiortc waits for both of these events."""
        self.row = self._fan_out.add(codec.payloadType, self._sender._ssrc)
        self._dtls.on("statechange", self._look)
        self._look()
        self._of_senders("rtp_started").set()
        try:
            await self._track.hand_over(self._fan_out, self)
        finally:
            self._track.stop()
            self._dtls.remove_listener("statechange", self._look)
            self._fan_out.release(self.row)
            self._of_senders("rtp_exited").set()

    async def _run_rtcp(self) -> None:
        """Reports are sent with packets; only the goodbye is left."""
        self._of_senders("rtcp_started").set()
        try:
            await asyncio.Event().wait()
        finally:
            self._send_rtcp(bytes(RtcpByePacket(sources=[self._sender._ssrc])))
            self._of_senders("rtcp_exited").set()

    def _look(self) -> None:
        """Where packets go now: nowhere, unless the connection is up."""
        pair = self._pairs.get(_COMPONENT)
        if pair is None or self._dtls._state != State.CONNECTED:
            self.socket = None
        else:
            shared = pair.protocol.transport.get_extra_info("socket")
            self.socket = getattr(shared, "_sock", shared)
            self.address = pair.remote_addr
            self.session = self._dtls._tx_srtp
        if self.group is not None:
            self.group.look_again()

    def refused(self) -> None:
        """A packet got no further than here."""
        self._track.count_dropped()

    def report(self) -> None:
        """What was sent so far, and which time of ours its timestamps are."""
        row = self._fan_out.rows[self.row]
        ssrc = self._sender._ssrc
        sent = RtcpSenderInfo(
            ntp_timestamp=clock.current_ntp_time(),
            rtp_timestamp=int(row["header"]["timestamp"]),
            packet_count=int(row["packets"]),
            octet_count=int(row["octets"]),
        )
        name = str(self._sender._RTCRtpSender__cname).encode()
        source = RtcpSourceInfo(ssrc=ssrc, items=[(_CNAME, name)])
        self._send_rtcp(
            bytes(RtcpSrPacket(ssrc=ssrc, sender_info=sent))
            + bytes(RtcpSdesPacket(chunks=[source]))
        )

    def _send_rtcp(self, data: bytes) -> None:
        if self.socket is not None:
            with suppress(OSError, SrtpError):  # the next report tells the same
                self.socket.sendto(self.session.protect_rtcp(data), self.address)

    def _of_senders(self, name: str) -> asyncio.Event:
        event = getattr(self._sender, f"_RTCRtpSender__{name}")
        assert isinstance(event, asyncio.Event)
        return event


class _Group:
    """One channel's listeners, in batches that are made anew when they change."""

    def __init__(self, fan_out: FanOut) -> None:
        self._fan_out = fan_out
        self._members: dict[DirectSender, None] = {}
        self._batches: list[_Members] | None = None

    def add(self, member: DirectSender) -> None:
        self._members[member] = None
        member.group = self
        self.look_again()

    def discard(self, member: DirectSender) -> None:
        self._members.pop(member, None)
        self.look_again()

    def look_again(self) -> None:
        """Somebody came, left or moved."""
        self._batches = None

    def send(self, tick: int, data: bytes) -> None:
        if self._batches is None:
            up = [each for each in self._members if each.socket is not None]
            up.sort(key=lambda each: id(each.socket))
            starts = range(0, len(up), ROWS)
            self._batches = [_Members(up[start : start + ROWS]) for start in starts]
        for members in self._batches:
            self._send(members, tick, data)

    def _send(self, to: "_Members", tick: int, data: bytes) -> None:
        rows, at = self._fan_out.rows, to.rows
        behind = rows["last_tick"][at] >= tick
        if behind.any():  # a clock that jumped back silences browsers
            for member in _chosen(to.members, behind):
                member.refused()
            to = _Members(_chosen(to.members, ~behind))
            at = to.rows
            if not at.size:
                return
        header = rows["header"]
        time = np.uint32(tick * SAMPLES_PER_TICK & 0xFFFFFFFF)
        header["timestamp"][at] = rows["offset"][at] + time
        for refused in self._fan_out.batch.send(header[at], data, to.sessions, to.way):
            to.members[refused].refused()
        header["kind"][at] &= ~np.uint8(_MARKER)
        header["sequence"][at] += 1
        rows["last_tick"][at] = tick
        rows["packets"][at] += 1
        rows["octets"][at] += len(data)
        self._report(to, tick)

    def _report(self, to: "_Members", tick: int) -> None:
        """A sender report for each whose turn it is; at random, so that those who came together
        do not report together (RFC 3550, 6.3.1)."""
        ticks = self._fan_out.rows["report_tick"]
        for member in _chosen(to.members, ticks[to.rows] <= tick):
            if ticks[member.row] < 0:
                wait = random.uniform(0, _FIRST_REPORT_TICKS)
            else:
                member.report()
                wait = random.uniform(0.5, 1.5) * REPORT_TICKS
            ticks[member.row] = tick + 1 + int(wait)


class _Members:
    """At most ROWS listeners, as a batch needs them."""

    def __init__(self, members: list[DirectSender]) -> None:
        self.members = members
        self.rows: NDArray[np.int_] = np.array([each.row for each in members], np.int_)
        self.sessions = [each.session._srtp[0] for each in members]
        self.way = Way(
            [each.socket for each in members if each.socket is not None],
            [each.address for each in members],
        )


def _chosen(members: Iterable[DirectSender], which: NDArray[np.bool_]) -> list[DirectSender]:
    if not which.any():
        return []
    return [member for member, chosen in zip(members, which.tolist(), strict=True) if chosen]


class _Watched(dict[int, Any]):
    """The pairs that ICE nominated, and whom to tell when they change."""

    def __init__(self, pairs: dict[int, Any], changed: Callable[[], None]) -> None:
        super().__init__(pairs)
        self._changed = changed

    def __setitem__(self, component: int, pair: Any) -> None:
        super().__setitem__(component, pair)
        self._changed()

    def clear(self) -> None:
        super().clear()
        self._changed()


@cache
def missing() -> str:
    """Why this cannot be used here; nothing where it can."""
    events = ("rtp_started", "rtp_exited", "rtcp_started", "rtcp_exited", "cname")
    expected: tuple[tuple[type, Iterable[str]], ...] = (
        (RTCRtpSender, ("_ssrc", *(f"_RTCRtpSender__{name}" for name in events))),
        (RTCDtlsTransport, ("_tx_srtp", "_state")),
        (Connection, ("_nominated",)),
    )
    absent = [
        f"{owner.__name__} has no {name}"
        for owner, names in expected
        for name in names
        if name not in owner.__init__.__code__.co_names  # type: ignore[misc]
    ]
    absent += [
        f"RTCRtpSender has no {name}"
        for name in ("_run_rtp", "_run_rtcp")
        if not hasattr(RTCRtpSender, name)
    ]
    return "; ".join(absent) or batch.problem()
