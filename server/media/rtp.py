"""RTP packets (RFC 3550, 5.1)."""

import struct
from typing import Final, NamedTuple

#: Version and flags, marker and payload type, sequence number, timestamp, SSRC.
_HEADER: Final = struct.Struct("!BBHII")
_VERSION: Final = 2
#: In packets on a WebSocket these are always the same: nothing else is sent there.
_PAYLOAD_TYPE: Final = 111
_SSRC: Final = 1


class Rtp(NamedTuple):
    """The fields of an RTP packet that are used."""

    payload_type: int
    sequence_number: int
    timestamp: int
    ssrc: int
    payload: bytes


def packed(sequence: int, timestamp: int, payload: bytes) -> bytes:
    """A packet with Opus (RFC 7587) for a WebSocket. Both counters wrap around."""
    counters = sequence & 0xFFFF, timestamp & 0xFFFFFFFF
    return _HEADER.pack(_VERSION << 6, _PAYLOAD_TYPE, *counters, _SSRC) + payload


def parsed(data: bytes) -> Rtp | None:
    """A packet's fields, without header extensions and padding; None if it is not RTP."""
    if len(data) < _HEADER.size:
        return None
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first >> 6 != _VERSION:
        return None
    start = _HEADER.size + 4 * (first & 0x0F)
    if first & 0x10:
        if len(data) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4])
    end = len(data)
    if first & 0x20:
        end -= data[-1]
        if not data[-1]:
            return None
    if start > end:
        return None
    return Rtp(second & 0x7F, sequence, timestamp, ssrc, data[start:end])
