"""Sends to one listener in the place of aiortc's RTCRtpSender, which keeps ICE, DTLS and what
comes in. Its internals are used here: missing() says what is not as it was, and then listeners
are sent to by aiortc itself, with heed().
"""

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from typing import Any, Final

from aioice import Connection
from aiortc import RTCRtpSender
from aiortc.rtcdtlstransport import RTCDtlsTransport, State
from aiortc.rtp import (
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpByePacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSourceInfo,
    RtcpSrPacket,
)
from pylibsrtp import Error as SrtpError

from server.media import batch
from server.media.broadcast import SubscriberTrack
from server.media.fanout import MARKER, FanOut, Group
from server.media.guard import RateLimit
from server.media.opus import SAMPLES_PER_TICK
from server.media.repair import AGAIN_PER_S, HISTORY, RED_OPUS_TYPE, Losses

_COMPONENT: Final = 1
#: RFC 3550, 6.4.1: a sender report that reports on nobody, its length in words less one.
_REPORT: Final = struct.Struct("!BBHIQIII")
_REPORT_START: Final = 0x80, 200, _REPORT.size // 4 - 1
#: RFC 3550, 6.5.1.
_CNAME: Final = 1


class DirectSender:
    """Sends a listener's channel together with the others of ``fan_out``. ``red_type``: RED's
    payload type, where it was negotiated for the listener's Opus."""

    def __init__(
        self,
        sender: RTCRtpSender,
        track: SubscriberTrack,
        fan_out: FanOut,
        red_type: int | None = None,
    ) -> None:
        self.row = -1
        self.session: Any = None
        self.socket: socket.socket | None = None
        self.address = ("", 0)
        self.group: Group | None = None
        self.as_red = False
        self._takes_red = red_type is not None
        self._types = (0, red_type or 0)
        self._first = -1
        self._description = b""
        self._losses = Losses()
        self._again = RateLimit(AGAIN_PER_S)
        self._sender: Any = sender
        self._track = track
        self._fan_out = fan_out
        self._dtls: Any = sender.transport
        self._pairs = _Watched(self._dtls.transport._connection._nominated, self._look)
        self._dtls.transport._connection._nominated = self._pairs
        sender._run_rtp = self._run  # type: ignore[method-assign]
        sender._run_rtcp = self._run_rtcp  # type: ignore[method-assign]
        sender._handle_rtcp_packet = self._hear  # type: ignore[method-assign]

    async def _run(self, codec: Any) -> None:
        """Until the track is stopped; aiortc waits for both of these events."""
        self.row = self._fan_out.add(codec.payloadType, self._sender._ssrc)
        self._takes_red = self._takes_red and codec.payloadType == RED_OPUS_TYPE
        self._types = (codec.payloadType, self._types[1])
        self._first = int(self._fan_out.rows["header"]["sequence"][self.row])
        name = [(_CNAME, str(self._sender._RTCRtpSender__cname).encode())]
        source = RtcpSourceInfo(ssrc=self._sender._ssrc, items=name)
        self._description = bytes(RtcpSdesPacket(chunks=[source]))
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

    async def _hear(self, packet: AnyRtcpPacket) -> None:
        """What the listener says of our packets."""
        if self.group is None:
            return
        if isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
            for sequence in packet.lost:
                self._send_again(sequence & 0xFFFF)
        _note_reports(packet, self._sender._ssrc, self._losses)
        if not self._takes_red:
            self._track.report_loss(self._losses.of_note)
        elif self._losses.wants_red != self.as_red:
            self._change_variant()

    def _change_variant(self) -> None:
        """From the next packet on."""
        assert self.group is not None
        self.as_red = not self.as_red
        kind = self._fan_out.rows["header"]["kind"]
        kind[self.row] = kind[self.row] & MARKER | self._types[self.as_red]
        self.group.look_again()

    def _send_again(self, sequence: int) -> None:
        """The same bytes under the same number: anything else would betray the key."""
        assert self.group is not None
        row = self._fan_out.rows[self.row].copy()
        header, sent = row["header"], int(self._fan_out.sent[self.row, sequence % HISTORY])
        if not 1 <= (int(header["sequence"]) - sequence) % 2**16 <= HISTORY or sent < 0:
            self._fan_out.counts["not_sent_again"] += 1
            return
        self._losses.asked_for(sequence)
        number, as_red = divmod(sent, 2)
        found = self.group.history.payload(number, bool(as_red))
        if found is None or self.socket is None or not self._again.allows(time.monotonic()):
            self._fan_out.counts["not_sent_again"] += 1
            return
        tick, payload = found
        first = sequence == self._first and row["packets"] <= HISTORY
        marked = first or self.group.history.begins_speech(number)
        header["kind"] = (MARKER if marked else 0) | self._types[as_red]
        header["sequence"] = sequence
        header["timestamp"] = (int(row["offset"]) + tick * SAMPLES_PER_TICK) % 2**32
        with suppress(OSError, SrtpError):
            self.socket.sendto(self.session.protect(header.tobytes() + payload), self.address)
            self._fan_out.counts["sent_again"] += 1

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

    def report(self, ntp_time: int) -> None:
        """What was sent so far, and that this time of ours is its last timestamp's."""
        row = self._fan_out.rows[self.row]
        report = _REPORT.pack(
            *_REPORT_START,
            self._sender._ssrc,
            ntp_time,
            row["header"]["timestamp"],
            row["packets"],
            row["octets"],
        )
        self._send_rtcp(report + self._description)

    def _send_rtcp(self, data: bytes) -> None:
        if self.socket is not None:
            with suppress(OSError, SrtpError):  # the next report tells the same
                self.socket.sendto(self.session.protect_rtcp(data), self.address)

    def _of_senders(self, name: str) -> asyncio.Event:
        event = getattr(self._sender, f"_RTCRtpSender__{name}")
        assert isinstance(event, asyncio.Event)
        return event


def heed(sender: RTCRtpSender, track: SubscriberTrack) -> None:
    """Let a sender of aiortc's own send again so much a second, and the track know of losses."""
    handle: Any = sender._handle_rtcp_packet
    again, losses = RateLimit(AGAIN_PER_S), Losses()

    async def hear(packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
            packet.lost = [each & 0xFFFF for each in packet.lost if again.allows(time.monotonic())]
            for sequence in packet.lost:
                losses.asked_for(sequence)
        _note_reports(packet, sender._ssrc, losses)
        track.report_loss(losses.of_note)
        await handle(packet)

    sender._handle_rtcp_packet = hear  # type: ignore[method-assign]


def _note_reports(packet: AnyRtcpPacket, ssrc: int, losses: Losses) -> None:
    if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
        for report in packet.reports:
            if report.ssrc == ssrc:
                losses.reported(report.highest_sequence, report.packets_lost)


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
        for name in ("_run_rtp", "_run_rtcp", "_handle_rtcp_packet")
        if not hasattr(RTCRtpSender, name)
    ]
    return "; ".join(absent) or batch.problem()
