"""What of a datagram reaches aioice and aiortc.

aiortc takes one empty datagram from anybody for the end of a session, and so it does one too
long to be decrypted, and feedback that says more than it holds; it lets anybody speak DTLS to it,
and queues without bound until ICE is done; aioice raises on malformed STUN. So:
- an empty or oversized datagram, and STUN or RTCP that cannot be parsed or answered, is dropped;
- anything but STUN is taken only from an address that sent an authenticated check: no other
  address is ever in the check list, because candidates of an offer are never used;
- checks from addresses that have sent no authentic one yet are bounded, and so are addresses;
- what ends a DTLS handshake, and can be forged by whoever knows both addresses, is dropped (all but
  a false ServerHello in its moment, which prevents that one connection);
- what nobody has read yet is bounded.
Everything dropped is counted.
"""

import asyncio
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aioice import Candidate, Connection, stun
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import StunProtocol

#: Of ICE: RTP and RTCP share one.
COMPONENT = 1
#: Datagrams that may wait to be read: over a second of sound, and any DTLS flight.
QUEUE_DATAGRAMS = 128
#: More than any network carries in one piece, and than aiortc can decrypt.
MAX_DATAGRAM = 1500
#: Addresses a participant may have at a time: every one of its networks, seen by two of ours.
ADDRESSES = 16
#: Of one participant's, from addresses that have not sent an authenticated one; an honest one
#: sends a few when it joins.
NEW_CHECKS_PER_S = 20
#: RFC 7983: the first byte of STUN is 0 to 3, of DTLS 20 to 63, of nothing else on this port.
_STUN_FIRST_BYTES = range(4)
_DTLS_FIRST_BYTES = range(20, 64)
#: A record of DTLS 1.2: kind, version, epoch, number, length (RFC 6347, 4.1).
_RECORD = struct.Struct("!BHHHIH")
_ALERT, _HANDSHAKE, _CLIENT_HELLO = 21, 22, 1


class GuardedProtocol(StunProtocol):
    """aioice's end of one UDP socket. ``dropped`` counts by reason: "empty", "oversized",
    "malformed_stun", "too_many_addresses", "too_many_checks", "stranger", "queue_full"."""

    def __init__(self, receiver: Connection, dropped: Counter[str]) -> None:
        super().__init__(receiver)
        self._dropped = dropped
        self._new_checks = RateLimit(NEW_CHECKS_PER_S)

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        assert isinstance(data, bytes)
        if not data:
            self._dropped["empty"] += 1
        elif len(data) > MAX_DATAGRAM:
            self._dropped["oversized"] += 1
        elif is_stun(data):
            try:
                self._take(stun.parse_message(data), (addr[0], addr[1]))
            except (ValueError, LookupError, struct.error):
                self._dropped["malformed_stun"] += 1
        elif not self._is_known(addr):
            self._dropped["stranger"] += 1
        elif self.receiver._queue.qsize() >= QUEUE_DATAGRAMS:
            self._dropped["queue_full"] += 1
        else:
            self.receiver.data_received(data, self.local_candidate.component)

    def _take(self, message: stun.Message, addr: tuple[str, int]) -> None:
        """As aioice does, which would take what cannot be parsed for data."""
        if message.message_class == stun.Class.REQUEST:
            if not self._is_known(addr) and (reason := self._too_many()):
                self._dropped[reason] += 1
            else:
                self.receiver.request_received(message, addr, self)
        elif message.message_class in (stun.Class.RESPONSE, stun.Class.ERROR):
            transaction = self.transactions.get(message.transaction_id)
            if transaction is not None:
                transaction.response_received(message, addr)

    def _too_many(self) -> str:
        """What there are too many of for one more address; nothing if it may try."""
        if sum(pair.protocol is self for pair in self.receiver._check_list) >= ADDRESSES:
            return "too_many_addresses"
        return (
            "" if self._new_checks.allows(asyncio.get_running_loop().time()) else "too_many_checks"
        )

    def _is_known(self, addr: tuple[Any, ...]) -> bool:
        address = (addr[0], addr[1])
        return any(
            pair.protocol is self and pair.remote_addr == address
            for pair in self.receiver._check_list
        )


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


def guard_dtls(dtls: Any, dropped: Counter[str]) -> None:
    """Keep from an aiortc DTLS transport what would end its handshake or its session."""
    ice, handle_rtcp = dtls.transport, dtls._handle_rtcp_data
    receive = ice._recv

    async def receive_honest() -> bytes:
        while True:
            data: bytes = await receive()
            if dtls.encrypted:
                ice._recv = receive  # from now on OpenSSL tells what is forged
                return data
            if kept := without_forgeable(data, is_client=dtls._role == "client"):
                return kept
            dropped["handshake"] += 1

    async def handle_well_formed_rtcp(data: bytes) -> None:
        try:
            await handle_rtcp(data)
        except (ValueError, LookupError, struct.error):
            dropped["malformed_rtcp"] += 1

    ice._recv = receive_honest
    dtls._handle_rtcp_data = handle_well_formed_rtcp


def without_forgeable(data: bytes, is_client: bool) -> bytes:
    """A datagram of a handshake without its alerts in the clear, which nobody signs and OpenSSL
    believes, and without hellos to a client, who is not to be greeted. An honest alert is lost
    with them: such a connection ends by its deadline."""
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


def use_hosts(connection: Connection, hosts: Sequence[str], dropped: Counter[str]) -> None:
    """Make an aioice connection gather guarded sockets on these local addresses, which may be
    127.0.0.1 (aioice leaves it out), and ask no STUN or TURN server. Gathering raises OSError
    when none of them can be opened."""

    async def gather() -> list[Candidate]:
        candidates: list[Candidate] = []
        problems: list[str] = []
        for host in hosts:
            try:
                candidates.append(await _open(connection, host, dropped))
            except OSError as exc:
                problems.append(str(exc))
        if not candidates:
            raise OSError(f"no UDP socket could be opened: {'; '.join(problems) or 'no address'}")
        return candidates

    gather_by(connection, gather)


def gather_by(connection: Connection, gather: Callable[[], Awaitable[list[Candidate]]]) -> None:
    """Make an aioice connection gather its candidates by this alone, and once: it would first
    list all addresses of this machine, for every participant."""

    async def gather_candidates() -> None:
        if not connection._local_candidates_start:
            connection._local_candidates_start = True
            connection._local_candidates += await gather()
            connection._local_candidates_end = True

    connection.gather_candidates = gather_candidates  # type: ignore[method-assign]


async def _open(connection: Connection, host: str, dropped: Counter[str]) -> Candidate:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: GuardedProtocol(connection, dropped), local_addr=(host, 0)
    )
    connection._protocols.append(protocol)
    port = transport.get_extra_info("sockname")[1]
    protocol.local_candidate = host_candidate(host, port)
    return protocol.local_candidate


def host_candidate(host: str, port: int) -> Candidate:
    """An address to be reached at."""
    return Candidate(
        foundation=candidate_foundation("host", "udp", host),
        component=COMPONENT,
        transport="udp",
        priority=candidate_priority(COMPONENT, "host"),
        host=host,
        port=port,
        type="host",
    )


def is_stun(data: bytes) -> bool:
    """Of a datagram that is not empty."""
    return data[0] in _STUN_FIRST_BYTES
