"""RED (RFC 2198): packets that carry copies of earlier ones.

A block is Opus, of the payload type that RED was negotiated for. It begins ``before`` samples
before the packet's own timestamp. The last block is the packet's own audio.
"""

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

#: A copy's header: follows, payload type, 14 bits of timestamp offset, 10 bits of length.
_HEADER: Final = struct.Struct("!I")
_FOLLOWS: Final = 0x80
MAX_BEFORE: Final = 2**14 - 1
MAX_COPY_BYTES: Final = 2**10 - 1


class Block(NamedTuple):
    """One block of a RED payload. ``before``: how many samples before the packet it begins."""

    payload_type: int
    before: int
    data: bytes


def packed(payload_type: int, copies: Sequence[tuple[int, bytes]], data: bytes) -> bytes:
    """The payload for ``data`` and ``copies`` of earlier packets, the oldest first, as
    (before, data), each at most MAX_BEFORE and MAX_COPY_BYTES."""
    headers = [
        _HEADER.pack((_FOLLOWS | payload_type) << 24 | before << 10 | len(copy))
        for before, copy in copies
    ]
    return b"".join([*headers, bytes([payload_type]), *(copy for _, copy in copies), data])


def unpacked(payload: bytes) -> list[Block]:
    """The blocks, the packet's own last. Raises ValueError if it is not RED."""
    headers: list[tuple[int, int, int]] = []
    at = 0
    while at < len(payload) and payload[at] & _FOLLOWS:
        if at + _HEADER.size > len(payload):
            raise ValueError("a block's header is cut off")
        (bits,) = _HEADER.unpack_from(payload, at)
        headers.append((bits >> 24 & 0x7F, bits >> 10 & MAX_BEFORE, bits & MAX_COPY_BYTES))
        at += _HEADER.size
    if at >= len(payload):
        raise ValueError("the last block has no header")
    own_type = payload[at]
    at += 1
    blocks = []
    for payload_type, before, size in headers:
        blocks.append(Block(payload_type, before, payload[at : at + size]))
        at += size
    if at > len(payload):
        raise ValueError("a block is cut off")
    return [*blocks, Block(own_type, 0, payload[at:])]
