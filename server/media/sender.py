"""Sends to one listener: what differs between it and the others of its channel.

Packets themselves are sent by ``fanout``, to all of a channel together. Here are the listener's
numbers, what it says of packets that did not come, and the reports it gets.
"""

import socket
import struct
import time
from contextlib import suppress
from typing import Final

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
from pylibsrtp import Session

from server.media.broadcast import SubscriberTrack
from server.media.fanout import MARKER, FanOut, Group
from server.media.guard import RateLimit
from server.media.ice import Address, Path
from server.media.opus import SAMPLES_PER_TICK
from server.media.repair import AGAIN_PER_S, HISTORY, RED_OPUS_TYPE, Losses

#: RFC 3550, 6.4.1: a sender report that reports on nobody, its length in words less one.
_REPORT: Final = struct.Struct("!BBHIQIII")
_REPORT_START: Final = 0x80, 200, _REPORT.size // 4 - 1
#: RFC 3550, 6.5.1.
_CNAME: Final = 1


class Sender:
    """Sends a track together with the others of ``fan_out``, under ``ssrc``. ``opus_type`` and
    ``red_type``: payload types, RED's where it was negotiated."""

    def __init__(
        self,
        track: SubscriberTrack,
        fan_out: FanOut,
        ssrc: int,
        cname: str,
        opus_type: int,
        red_type: int | None = None,
    ) -> None:
        self.row = -1
        self.session: Session | None = None
        self.socket: socket.socket | None = None
        self.address: Address = ("", 0)
        self.group: Group | None = None
        self.as_red = False
        self._takes_red = red_type is not None and opus_type == RED_OPUS_TYPE
        self._types = (opus_type, red_type or 0)
        self._ssrc = ssrc
        self._first = -1
        source = RtcpSourceInfo(ssrc=ssrc, items=[(_CNAME, cname.encode())])
        self._description = bytes(RtcpSdesPacket(chunks=[source]))
        self._losses = Losses()
        self._again = RateLimit(AGAIN_PER_S)
        self._track = track
        self._fan_out = fan_out

    def start(self, session: Session, path: Path | None) -> None:
        """The connection is up: send every packet of the track's channel from now on, encrypted
        by ``session``, by this path; see ``take_path``."""
        self.session = session
        self.row = self._fan_out.add(self._types[0], self._ssrc)
        self._first = int(self._fan_out.rows["header"]["sequence"][self.row])
        self.take_path(path)
        self._track.give_to(self._fan_out, self)

    def take_path(self, path: Path | None) -> None:
        """Where packets go now; nowhere without a path."""
        self.socket = None if path is None else path.end.socket
        self.address = ("", 0) if path is None else path.address
        if self.group is not None:
            self.group.look_again()

    def stop(self) -> None:
        """Say goodbye, and leave the channel. May be called again."""
        self._track.stop()
        if self.row >= 0:
            self._send_rtcp(bytes(RtcpByePacket(sources=[self._ssrc])))
            self._fan_out.release(self.row)
            self.row = -1
        self.socket = None

    def hear(self, packet: AnyRtcpPacket) -> None:
        """What the listener says of our packets."""
        if self.group is None:
            return
        if isinstance(packet, RtcpRtpfbPacket):
            if packet.fmt == RTCP_RTPFB_NACK and packet.media_ssrc == self._ssrc:
                for sequence in packet.lost:
                    self._send_again(sequence & 0xFFFF)
        elif isinstance(packet, RtcpRrPacket | RtcpSrPacket):
            for report in packet.reports:
                if report.ssrc == self._ssrc:
                    self._losses.reported(report.highest_sequence, report.packets_lost)
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
        if (
            found is None
            or self.socket is None
            or self.session is None
            or not self._again.allows(time.monotonic())
        ):
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

    def refused(self) -> None:
        """A packet got no further than here."""
        self._track.count_dropped()

    def report(self, ntp_time: int) -> None:
        """What was sent so far, and that this time of ours is its last timestamp's."""
        row = self._fan_out.rows[self.row]
        report = _REPORT.pack(
            *_REPORT_START,
            self._ssrc,
            ntp_time,
            row["header"]["timestamp"],
            row["packets"],
            row["octets"],
        )
        self._send_rtcp(report + self._description)

    def _send_rtcp(self, data: bytes) -> None:
        if self.socket is not None and self.session is not None:
            with suppress(OSError, SrtpError):  # the next report tells the same
                self.socket.sendto(self.session.protect_rtcp(data), self.address)
