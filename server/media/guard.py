"""What of a datagram reaches aioice and aiortc.

aiortc takes one empty datagram from anybody for the end of a session, lets anybody speak DTLS
to it, and queues without bound until ICE is done; aioice raises on malformed STUN. So:
- an empty datagram, and STUN that cannot be parsed or answered, is dropped;
- anything but STUN is taken only from an address that sent an authenticated check: no other
  address is ever in the check list, because candidates of an offer are never used;
- what nobody has read yet is bounded.
Everything dropped is counted.
"""

import asyncio
import struct
from collections import Counter
from collections.abc import Sequence
from typing import Any

from aioice import Candidate, Connection, stun
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import StunProtocol

#: Datagrams that may wait to be read: over a second of sound, and any DTLS flight.
QUEUE_DATAGRAMS = 128
#: RFC 7983: the first byte of STUN is 0 to 3, of nothing else on this port.
_STUN_FIRST_BYTES = range(4)


class GuardedProtocol(StunProtocol):
    """aioice's end of one UDP socket. ``dropped`` counts by reason: "empty", "malformed_stun",
    "stranger", "queue_full"."""

    def __init__(self, receiver: Connection, dropped: Counter[str]) -> None:
        super().__init__(receiver)
        self._dropped = dropped

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        assert isinstance(data, bytes)
        if not data:
            self._dropped["empty"] += 1
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
            self.receiver.request_received(message, addr, self)
        elif message.message_class in (stun.Class.RESPONSE, stun.Class.ERROR):
            transaction = self.transactions.get(message.transaction_id)
            if transaction is not None:
                transaction.response_received(message, addr)

    def _is_known(self, addr: tuple[Any, ...]) -> bool:
        address = (addr[0], addr[1])
        return any(
            pair.protocol is self and pair.remote_addr == address
            for pair in self.receiver._check_list
        )


def use_hosts(connection: Connection, hosts: Sequence[str], dropped: Counter[str]) -> None:
    """Make an aioice connection gather guarded sockets on these local addresses, which may be
    127.0.0.1 (aioice leaves it out), and ask no STUN or TURN server. Gathering raises OSError
    when none of them can be opened."""

    async def gather(component: int, addresses: list[str]) -> list[Candidate]:
        candidates: list[Candidate] = []
        problems: list[str] = []
        for host in hosts:
            try:
                candidates.append(await _open(connection, component, host, dropped))
            except OSError as exc:
                problems.append(str(exc))
        if not candidates:
            raise OSError(f"no UDP socket could be opened: {'; '.join(problems) or 'no address'}")
        return candidates

    connection.get_component_candidates = gather  # type: ignore[method-assign, assignment]


async def _open(
    connection: Connection, component: int, host: str, dropped: Counter[str]
) -> Candidate:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: GuardedProtocol(connection, dropped), local_addr=(host, 0)
    )
    connection._protocols.append(protocol)
    port = transport.get_extra_info("sockname")[1]
    protocol.local_candidate = host_candidate(component, host, port)
    return protocol.local_candidate


def host_candidate(component: int, host: str, port: int) -> Candidate:
    """An address to be reached at."""
    return Candidate(
        foundation=candidate_foundation("host", "udp", host),
        component=component,
        transport="udp",
        priority=candidate_priority(component, "host"),
        host=host,
        port=port,
        type="host",
    )


def is_stun(data: bytes) -> bool:
    """Of a datagram that is not empty."""
    return data[0] in _STUN_FIRST_BYTES
