"""One packet to many listeners, with as little as can be between the clock and the sockets.

- A tick's packet is made into RTP, encrypted and handed to the kernel for every listener at
  once, within the tick: no task wakes up, no packet is an object of aiortc's.
- Per listener only sequence number, timestamp offset, SSRC and SRTP differ.
- aiortc keeps the rest: ICE, DTLS, sender reports. Its internals are used here; missing() says
  what is not as it was, and then listeners are sent to by aiortc itself.
"""

import asyncio
import random
import socket
import struct
from functools import cache
from typing import Any, Final

from aiortc import RTCRtpSender, clock
from aiortc.rtcdtlstransport import State
from pylibsrtp import Error as SrtpError

from server.media.broadcast import EncodedPacket, SubscriberTrack
from server.media.opus import SAMPLES_PER_TICK

#: RFC 3550, 5.1: version 2, no padding, no extension, no contributing sources.
_HEADER: Final = struct.Struct("!BBHII")
_VERSION: Final = 0x80
_MARKER: Final = 0x80
#: A sender report tells the time of a packet at most this many before it.
_TICKS_BETWEEN_TIMES: Final = 25
_COMPONENT: Final = 1


class DirectSender:
    """Sends a listener's channel in place of ``RTCRtpSender._run_rtp``."""

    def __init__(self, sender: RTCRtpSender, track: SubscriberTrack) -> None:
        self._sender: Any = sender
        self._track = track
        self._dtls: Any = sender.transport
        self._connection: Any = self._dtls.transport._connection
        self._pair: Any = None
        self._socket: socket.socket | None = None
        self._payload_type = 0
        # Below half: so the rollover counter of SRTP is 0 for sure (RFC 3711, 3.3.1).
        self._sequence = random.getrandbits(15)
        self._offset = random.getrandbits(32)
        self._packets = self._octets = 0
        sender._run_rtp = self._run  # type: ignore[method-assign]

    async def _run(self, codec: Any) -> None:
        """Until the track is stopped; aiortc waits for both of these events."""
        self._payload_type = codec.payloadType
        self._of_senders("rtp_started").set()
        try:
            await self._track.hand_over(self._send)
        finally:
            self._track.stop()
            self._of_senders("rtp_exited").set()

    def _send(self, packet: EncodedPacket) -> None:
        pair = self._connection._nominated.get(_COMPONENT)
        if pair is None or self._dtls._state != State.CONNECTED:
            return
        if pair is not self._pair:
            self._pair = pair
            shared = pair.protocol.transport.get_extra_info("socket")
            self._socket = getattr(shared, "_sock", shared)
        timestamp = (packet.tick * SAMPLES_PER_TICK + self._offset) & 0xFFFFFFFF
        marker = 0 if self._packets else _MARKER
        header = _HEADER.pack(
            _VERSION, marker | self._payload_type, self._sequence, timestamp, self._sender._ssrc
        )
        assert self._socket is not None
        try:
            data = self._dtls._tx_srtp.protect(header + packet.data)
            self._socket.sendto(data, pair.remote_addr)
        except (OSError, SrtpError):
            # The kernel has no room, or the connection is on its way out: this packet is lost.
            self._track.count_dropped()
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._packets += 1
        self._octets += len(packet.data)
        if self._packets % _TICKS_BETWEEN_TIMES == 1:
            self._tell(timestamp)

    def _tell(self, timestamp: int) -> None:
        """What aiortc's sender reports say."""
        for name, value in (
            ("ntp_timestamp", clock.current_ntp_time()),
            ("rtp_timestamp", timestamp),
            ("packet_count", self._packets),
            ("octet_count", self._octets),
        ):
            setattr(self._sender, f"_RTCRtpSender__{name}", value)

    def _of_senders(self, name: str) -> asyncio.Event:
        event = getattr(self._sender, f"_RTCRtpSender__{name}")
        assert isinstance(event, asyncio.Event)
        return event


@cache
def missing() -> str:
    """Why this cannot be used here; nothing where it can."""
    absent = [name for name in ("_run_rtp", "_run_rtcp") if not hasattr(RTCRtpSender, name)]
    return f"aiortc's sender has no {', '.join(absent)}" if absent else ""
