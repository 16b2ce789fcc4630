"""Limits and filters for datagrams before ICE and DTLS get them.

- Datagrams other than ICE checks are accepted only from addresses that sent an authenticated
  check.
- Checks from other addresses are limited, and so is the number of a participant's addresses.
- Datagrams that end a DTLS handshake, and that anyone who knows both addresses can forge, are
  dropped. One forgery remains possible: a false ServerHello at the right moment prevents that one
  connection.
- Application data in DTLS is dropped. Nobody needs it, and aiortc would keep it for ever.
- Datagrams that wait to be read are limited, so is a participant's RTCP, and after some datagrams
  of one participant everything else has a turn.
Everything that is dropped is counted.
"""

import struct
from typing import Final

#: Datagrams that may wait to be read: over a second of audio, or any DTLS flight.
QUEUE_DATAGRAMS: Final = 128
#: Datagrams of one participant that are read before everything else has a turn. One costs three
#: milliseconds at most: RTCP full of NACKs.
IN_A_ROW: Final = 4
#: A participant's RTCP: six times what a report and a NACK for each packet of sound take.
RTCP_BYTES_PER_S: Final = 20_000
#: No network carries larger ones unfragmented, and SRTP cannot decrypt them.
MAX_DATAGRAM: Final = 1500
#: Addresses of a participant at a time: several networks of its own, each seen from two of ours.
ADDRESSES: Final = 16
#: Checks of one participant from addresses that have not sent an authenticated one. An honest
#: participant sends a few when it joins.
NEW_CHECKS_PER_S: Final = 20
#: The same for a connected participant, which needs one when it changes networks. So a full house
#: cannot use up what all may cause together.
CONNECTED_CHECKS_PER_S: Final = 1
#: RFC 7983: the first byte of STUN is 0 to 3, of DTLS 20 to 63, of nothing else on this port.
_STUN_FIRST_BYTES = range(4)
_DTLS_FIRST_BYTES = range(20, 64)
#: A record of DTLS 1.2: kind, version, epoch, number, length (RFC 6347, 4.1).
_RECORD = struct.Struct("!BHHHIH")
_CHANGE_CIPHER, _ALERT, _HANDSHAKE, _CLIENT_HELLO = 20, 21, 22, 1


class RateLimit:
    """Allows ``per_s`` events in every second of a clock."""

    def __init__(self, per_s: int) -> None:
        self._per_s = per_s
        self._second, self._count = 0, 0

    def allows(self, now_s: float, events: int = 1) -> bool:
        """Count events. Returns whether they are within the limit."""
        if int(now_s) != self._second:
            self._second, self._count = int(now_s), 0
        self._count += events
        return self._count <= self._per_s


def is_stun(data: bytes) -> bool:
    """Whether a datagram (not an empty one) is a STUN message."""
    return data[0] in _STUN_FIRST_BYTES


def is_dtls(data: bytes) -> bool:
    """Whether a datagram (not an empty one) is DTLS."""
    return data[0] in _DTLS_FIRST_BYTES


def without_unwanted(data: bytes, is_client: bool) -> bytes:
    """A datagram without the DTLS records that OpenSSL shall not get, perhaps nothing:

    - unencrypted alerts, which nobody signs and OpenSSL believes in a handshake. Honest ones are
      dropped too: such a connection ends by its deadline;
    - an unencrypted ClientHello, if this end is the client;
    - application data, and kinds that do not exist.
    """
    if not is_dtls(data):
        return data
    kept, start = b"", 0
    while start + _RECORD.size <= len(data):
        kind, _, epoch, *_, size = _RECORD.unpack_from(data, start)
        record = data[start : start + _RECORD.size + size]
        is_hello = kind == _HANDSHAKE and record[_RECORD.size :][:1] == bytes([_CLIENT_HELLO])
        forgeable = not epoch and (kind == _ALERT or (is_hello and is_client))
        if kind in (_CHANGE_CIPHER, _ALERT, _HANDSHAKE) and not forgeable:
            kept += record
        start += len(record)
    return kept
