"""RTP packets as browsers send them (RFC 3550, 5.1)."""

import struct
from typing import NamedTuple

_HEADER = struct.Struct("!BBHII")
_VERSION = 2


class Rtp(NamedTuple):
    """The fields of an RTP packet that are used."""

    payload_type: int
    sequence_number: int
    timestamp: int
    ssrc: int
    payload: bytes


def parsed(data: bytes) -> Rtp | None:
    """An RTP packet's fields, its header extensions and padding left out; None if it is none."""
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
