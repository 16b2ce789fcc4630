"""RTCP for a speaker: receiver reports (RFC 3550, 6.4.2) and NACKs (RFC 4585, 6.2.1)."""

import random
from collections.abc import Callable
from typing import Final

from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.rtp import (
    RTCP_RTPFB_NACK,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
)

from server.media.opus import RATE_HZ
from server.media.rtp import Rtp

#: Between two reports on average; each interval is random.
REPORT_S: Final = 1.0
_32_BITS: Final = 2**32 - 1


class ReceiverReports:
    """``send`` takes RTCP for the speaker. ``ssrc`` is this end's."""

    def __init__(self, send: Callable[[bytes], None], ssrc: int) -> None:
        self._send, self._ssrc = send, ssrc
        self.begin_anew()

    def begin_anew(self) -> None:
        """From now on packets of another SSRC are counted."""
        self._statistics = StreamStatistics(RATE_HZ)
        self._due_s = 0.0
        self._last_report: tuple[int, float] | None = None

    def count(self, rtp: Rtp) -> None:
        """A packet arrived."""
        self._statistics.add(rtp)  # type: ignore[arg-type]

    def reported(self, packet: RtcpSrPacket, now_s: float) -> None:
        """A sender report arrived. The next receiver reports say when (RFC 3550, 6.4.1)."""
        self._last_report = packet.sender_info.ntp_timestamp >> 16 & _32_BITS, now_s

    def send_nack(self, source: int, sequences: list[int]) -> None:
        """Send a NACK for these packets of a source."""
        self._send(bytes(RtcpRtpfbPacket(RTCP_RTPFB_NACK, self._ssrc, source, sequences)))

    def send_report(self, source: int, now_s: float) -> None:
        """Send a receiver report on a source, if one is due."""
        if now_s < self._due_s:
            return
        self._due_s = now_s + REPORT_S * random.uniform(0.5, 1.5)
        statistics = self._statistics
        last_sr, last_sr_s = self._last_report or (0, now_s)
        info = RtcpReceiverInfo(
            ssrc=source,
            fraction_lost=min(statistics.fraction_lost, 255),
            packets_lost=statistics.packets_lost,
            highest_sequence=statistics.cycles + (statistics.max_seq or 0) & _32_BITS,
            jitter=statistics.jitter & _32_BITS,
            lsr=last_sr,
            dlsr=int((now_s - last_sr_s) * 65536) & _32_BITS,
        )
        self._send(bytes(RtcpRrPacket(ssrc=self._ssrc, reports=[info])))
