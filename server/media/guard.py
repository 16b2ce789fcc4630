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
        elif data[0] in _STUN_FIRST_BYTES:
            try:
                stun.parse_message(data)  # super() would queue what it cannot parse
                super().datagram_received(data, addr)
            except (ValueError, LookupError, struct.error):
                self._dropped["malformed_stun"] += 1
        elif not self._is_known(addr):
            self._dropped["stranger"] += 1
        elif self.receiver._queue.qsize() >= QUEUE_DATAGRAMS:
            self._dropped["queue_full"] += 1
        else:
            self.receiver.data_received(data, self.local_candidate.component)

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
    protocol.local_candidate = Candidate(
        foundation=candidate_foundation("host", "udp", host),
        component=component,
        transport="udp",
        priority=candidate_priority(component, "host"),
        host=host,
        port=transport.get_extra_info("sockname")[1],
        type="host",
    )
    return protocol.local_candidate
