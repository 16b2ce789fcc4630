"""What of a datagram reaches ICE and DTLS, and how much of it: limits and filters for ``port``,
``ice`` and ``transport``.

- Anything but a check is taken only from an address that sent an authenticated check.
- Checks from addresses that have sent no authenticated one yet are bounded, and so are addresses.
- What ends a DTLS handshake, and can be forged by whoever knows both addresses, is dropped. One
  thing is not: a false ServerHello at the right moment, which prevents that one connection.
- Datagrams that nobody has read yet are bounded.
Everything that is dropped is counted.
"""

import struct
from typing import Final

#: Datagrams that may wait to be read: over a second of sound, and any DTLS flight.
QUEUE_DATAGRAMS: Final = 128
#: More than any network carries in one piece, and than SRTP can decrypt.
MAX_DATAGRAM: Final = 1500
#: Addresses a participant may have at a time: every one of its networks, seen by two of ours.
ADDRESSES: Final = 16
#: Checks of one participant from addresses that have not sent an authenticated one; an honest
#: participant sends a few when it joins.
NEW_CHECKS_PER_S: Final = 20
#: RFC 7983: the first byte of STUN is 0 to 3, of DTLS 20 to 63, of nothing else on this port.
_STUN_FIRST_BYTES = range(4)
_DTLS_FIRST_BYTES = range(20, 64)
#: A record of DTLS 1.2: kind, version, epoch, number, length (RFC 6347, 4.1).
_RECORD = struct.Struct("!BHHHIH")
_ALERT, _HANDSHAKE, _CLIENT_HELLO = 21, 22, 1


class RateLimit:
    """So much in every second of a clock."""

    def __init__(self, per_s: int) -> None:
        self._per_s = per_s
        self._second, self._count = 0, 0

    def allows(self, now_s: float) -> bool:
        """Count one more; whether it is still within the limit."""
        if int(now_s) != self._second:
            self._second, self._count = int(now_s), 0
        self._count += 1
        return self._count <= self._per_s


def is_stun(data: bytes) -> bool:
    """Whether a datagram, which is not empty, is a STUN message."""
    return data[0] in _STUN_FIRST_BYTES


def without_forgeable(data: bytes, is_client: bool) -> bytes:
    """A datagram of a handshake without its alerts in the clear, which nobody signs and OpenSSL
    believes, and without a ClientHello where this end is the client. An honest alert is lost with
    them: such a connection ends by its deadline."""
    if data[0] not in _DTLS_FIRST_BYTES:
        return data
    kept, start = b"", 0
    while start + _RECORD.size <= len(data):
        kind, _, epoch, *_, size = _RECORD.unpack_from(data, start)
        record = data[start : start + _RECORD.size + size]
        is_hello = kind == _HANDSHAKE and record[_RECORD.size :][:1] == bytes([_CLIENT_HELLO])
        if epoch or not (kind == _ALERT or (is_hello and is_client)):
            kept += record
        start += len(record)
    return kept
