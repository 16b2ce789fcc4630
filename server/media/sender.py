"""Sends to one listener: what differs between it and the other listeners of its channel.

The channel's packets are sent by ``fanout``, to all listeners together. This file reads the
listener's RTCP, retransmits what it requests, and switches it to RED while it loses packets.
"""

import time

import numpy as np
from aiortc.rtp import (
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpByePacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
)
from pylibsrtp import Error as SrtpError
from pylibsrtp import Session

from server.media.broadcast import SubscriberTrack
from server.media.fanout import MARKER, FanOut, Member
from server.media.guard import RateLimit
from server.media.ice import Path
from server.media.opus import SAMPLES_PER_TICK
from server.media.repair import HISTORY, RED_OPUS_TYPE, RETRANSMISSIONS_PER_S, History, Losses


class Sender(Member):
    """Sends a track's channel to one listener, under ``ssrc``. ``opus_type`` and ``red_type`` are
    payload types; ``red_type`` is None if RED was not negotiated."""

    def __init__(
        self,
        track: SubscriberTrack,
        fan_out: FanOut,
        ssrc: int,
        cname: str,
        opus_type: int,
        red_type: int | None = None,
    ) -> None:
        super().__init__(fan_out, ssrc, cname)
        self._takes_red = red_type is not None and opus_type == RED_OPUS_TYPE
        self._types = (opus_type, red_type or 0)
        self._first = -1
        self._losses = Losses()
        self._retransmissions = RateLimit(RETRANSMISSIONS_PER_S)
        self._track = track

    def start(self, session: Session, path: Path | None) -> None:
        """The connection is up. From now on every packet of the track's channel is encrypted by
        ``session`` and sent on ``path`` (see ``set_path``)."""
        self.session = session
        self.row = self._fan_out.add(self._types[0], self._ssrc)
        self._first = int(self._fan_out.rows["header"]["sequence"][self.row])
        self.set_path(path)
        self._track.send_through(self._fan_out, self)

    def set_path(self, path: Path | None) -> None:
        """Send on this path from now on; None: send nothing."""
        self.socket = None if path is None else path.end.socket
        self.address = ("", 0) if path is None else path.address
        if self.group is not None:
            self.group.members_changed()

    def stop(self) -> None:
        """Send an RTCP BYE and leave the channel. May be called again."""
        self._track.stop()
        if self.row >= 0:
            self.send_rtcp(bytes(RtcpByePacket(sources=[self._ssrc])))
            self._fan_out.release(self.row)
            self.row = -1
        self.socket = None

    def receive_rtcp(self, packet: AnyRtcpPacket) -> None:
        """Act on the listener's RTCP: retransmit (NACK), and learn its loss (reports)."""
        if self.group is None:
            return
        if isinstance(packet, RtcpRtpfbPacket):
            if packet.fmt == RTCP_RTPFB_NACK and packet.media_ssrc == self._ssrc:
                self._retransmit_all(self.group.history, packet.lost)
        elif isinstance(packet, RtcpRrPacket | RtcpSrPacket):
            for report in packet.reports:
                if report.ssrc == self._ssrc:
                    self._losses.reported(report.highest_sequence, report.packets_lost)
        if not self._takes_red:
            self._track.report_loss(self._losses.significant_share)
        elif self._losses.wants_red != self.as_red:
            self._switch_red()

    def _switch_red(self) -> None:
        """From the next packet on, send RED if it was not sent, and else no RED."""
        assert self.group is not None
        self.as_red = not self.as_red
        kind = self._fan_out.rows["header"]["kind"]
        kind[self.row] = kind[self.row] & MARKER | self._types[self.as_red]
        self.group.members_changed()

    def _retransmit_all(self, history: History, sequences: list[int]) -> None:
        """Retransmit what can be. A NACK can name thousands of numbers, so a number costs next to
        nothing unless it is one of the last HISTORY, and each of these is looked up once."""
        row = self._fan_out.rows[self.row].copy()
        following = int(row["header"]["sequence"])
        ago = {back for each in sequences if 1 <= (back := (following - each) % 2**16) <= HISTORY}
        sent = sum(
            self._retransmit(history, row, (following - back) % 2**16)
            for back in sorted(ago, reverse=True)
        )
        if sent:
            self._fan_out.counts["sent_again"] += sent
        if sent < len(sequences):
            self._fan_out.counts["not_sent_again"] += len(sequences) - sent

    def _retransmit(self, history: History, row: np.void, sequence: int) -> bool:
        """Send the same bytes under the same number: SRTP must not encrypt other bytes with it.
        ``row``: a copy of the listener's, whose header is overwritten. Returns whether they could
        be sent."""
        sent = int(self._fan_out.sent[self.row, sequence % HISTORY])
        if sent < 0:
            return False
        self._losses.requested(sequence)
        number, as_red = divmod(sent, 2)
        found = history.payload(number, bool(as_red))
        if (
            found is None
            or self.socket is None
            or self.session is None
            or not self._retransmissions.allows(time.monotonic())
        ):
            return False
        tick, payload = found
        header = row["header"]
        first = sequence == self._first and row["packets"] <= HISTORY
        marked = first or history.begins_speech(number)
        header["kind"] = (MARKER if marked else 0) | self._types[as_red]
        header["sequence"] = sequence
        header["timestamp"] = (int(row["offset"]) + tick * SAMPLES_PER_TICK) % 2**32
        try:
            self.socket.sendto(self.session.protect(header.tobytes() + payload), self.address)
        except (OSError, SrtpError):
            return False
        return True
