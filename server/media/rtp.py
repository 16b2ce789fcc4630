"""RTP packets as they travel on a participant's socket: a header without extensions (RFC 3550,
5.1), then one Opus packet (RFC 7587)."""

import struct
from typing import Final, NamedTuple

#: Version, payload type, sequence number, timestamp, SSRC.
_HEADER: Final = struct.Struct(">BBHII")
_VERSION: Final = 0x80
#: What browsers offer Opus as; any would do, there is nothing else on the socket.
_PAYLOAD_TYPE: Final = 111
_SSRC: Final = 1


class RtpPacket(NamedTuple):
    """``timestamp`` counts at 48 kHz."""

    sequence: int
    timestamp: int
    payload: bytes


def packed(sequence: int, timestamp: int, payload: bytes) -> bytes:
    """Both counters are cut to what the header holds."""
    return (
        _HEADER.pack(_VERSION, _PAYLOAD_TYPE, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, _SSRC)
        + payload
    )


def unpacked(data: bytes) -> RtpPacket:
    """Raises ValueError when it is no such packet, or an empty one."""
    if len(data) <= _HEADER.size or data[0] != _VERSION:
        raise ValueError(f"{len(data)} bytes that are no RTP packet with a 12-byte header")
    _, _, sequence, timestamp, _ = _HEADER.unpack_from(data)
    return RtpPacket(sequence, timestamp, data[_HEADER.size :])
