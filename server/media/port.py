"""One UDP port for all participants: one port to open in a firewall, and one socket by which the
packets of a channel are sent together.

A datagram belongs to a participant
- by the user name in a STUN request, half of which this end made at random for the participant;
- otherwise by its source address, once that address has sent an authenticated check.
An address belongs to the participant who had it first, until that one leaves. Datagrams of nobody
are dropped and counted, and so is whatever exceeds the limits.
"""

import asyncio
import errno
import socket
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final, Self

from aioice import Candidate
from aioice.candidate import candidate_foundation, candidate_priority

from server.handed import taken
from server.media.credentials import COMPONENT
from server.media.guard import MAX_DATAGRAM, RateLimit, is_stun
from server.media.ice import Address, Ice

#: For all participants together (see guard.NEW_CHECKS_PER_S), which limits what checks cost.
NEW_CHECKS_PER_S: Final = 1000
#: How long datagrams are read before the loop does anything else. That is enough for all audio that
#: ever waits; but a check takes a quarter of a millisecond, and a crowd sends hundreds.
MAX_READ_S: Final = 0.002
#: Size of the kernel's buffers; the kernel may give less.
_BUFFER_BYTES: Final = 4 << 20
#: Free ports tried until one is free on every address.
_TRIES: Final = 20
_STUN_HEADER: Final = 20
_USERNAME: Final = 0x0006
#: The two bits of a STUN message's type that are its class (RFC 8489, 5).
_CLASS: Final = 0x0110
_REQUEST: Final = 0x0000
_INDICATION: Final = 0x0010


class MediaPort:
    """The sockets of this port, one for each of ``hosts``, and the participants behind them.

    If one of ``hosts`` is not an address of this machine (but of a router in front of it), there
    is one socket for all. ``number`` 0: any free port. ``handed``: sockets to use in place of new
    ones; they are not read before ``begin``. Raises OSError.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        number: int,
        dropped: Counter[str],
        handed: Sequence[socket.socket] = (),
    ) -> None:
        bound = _bound(hosts, number, handed)
        self._ends = [_End(own, offered, dropped) for own, offered in bound]
        if not handed:
            self.begin()

    def begin(self) -> None:
        """Read what arrives."""
        for end in self._ends:
            end.begin()

    def leave(self) -> None:
        """Read nothing any more: another process does. Sending goes on."""
        for end in self._ends:
            end.leave()

    @property
    def sockets(self) -> list[socket.socket]:
        """Its sockets."""
        return [end.socket for end in self._ends]

    @property
    def number(self) -> int:
        """The UDP port."""
        return int(self._ends[0].socket.getsockname()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the sockets."""
        for end in self._ends:
            end.close()

    def admit(self, ice: Ice) -> list[Candidate]:
        """Let a participant in. Returns the candidates to tell it."""
        return [candidate for end in self._ends for candidate in end.admit(ice)]

    def readmit(self, ice: Ice, former: str) -> list[Candidate]:
        """Let a participant in again whose user name was ``former``. Returns the candidates."""
        for end in self._ends:
            end.by_username.pop(former, None)
        return self.admit(ice)

    def dismiss(self, ice: Ice) -> None:
        """Forget a participant."""
        for end in self._ends:
            end.dismiss(ice)


class _End:
    """One socket."""

    def __init__(self, own: socket.socket, offered: Sequence[str], dropped: Counter[str]) -> None:
        self.socket = own
        self.dropped = dropped
        self.by_username: dict[str, Ice] = {}
        self.by_address: dict[Address, Ice] = {}
        self._offered = offered
        self._loop = asyncio.get_running_loop()
        self.new_checks = RateLimit(NEW_CHECKS_PER_S)

    def begin(self) -> None:
        self._loop.add_reader(self.socket, self._read)

    def leave(self) -> None:
        self._loop.remove_reader(self.socket)

    def close(self) -> None:
        self.leave()
        self.socket.close()

    def admit(self, ice: Ice) -> list[Candidate]:
        number = self.socket.getsockname()[1]
        self.by_username[ice.username] = ice
        return [_candidate(host, number) for host in self._offered]

    def dismiss(self, ice: Ice) -> None:
        self.by_username.pop(ice.username, None)
        for end, address in ice.paths:
            if end is self:
                self.release(address, ice)

    def send(self, data: bytes, address: Address) -> None:
        """Send, or drop. Nothing is queued: what is sent here is repeated if it is lost."""
        try:
            self.socket.sendto(data, address)
        except BlockingIOError:
            self.dropped["send_full"] += 1
        except OSError:
            pass  # the address cannot be reached, or not now

    def claim(self, address: Address, ice: Ice) -> bool:
        return self.by_address.setdefault(address, ice) is ice

    def release(self, address: Address, ice: Ice) -> None:
        if self.by_address.get(address) is ice:
            del self.by_address[address]

    def limit(self) -> str:
        return "" if self.new_checks.allows(self._loop.time()) else "too_many_checks"

    def _read(self) -> None:
        until_s = self._loop.time() + MAX_READ_S
        while self._loop.time() < until_s:
            try:
                data, address = self.socket.recvfrom(
                    MAX_DATAGRAM + 1
                )  # one more, to notice longer ones
            except BlockingIOError:
                return
            except OSError:  # the ICMP answer to an earlier datagram of ours
                continue
            reason = self._take(data, (address[0], address[1]))
            if reason:
                self.dropped[reason] += 1

    def _take(self, data: bytes, address: Address) -> str:
        """Hand it to its participant. Returns why it was dropped; empty if it was not."""
        if not data:
            return "empty"
        if len(data) > MAX_DATAGRAM:
            return "oversized"
        ice = self.by_address.get(address)
        if not is_stun(data):
            return "stranger" if ice is None else ice.take_data(data)
        kind = int.from_bytes(data[:2]) & _CLASS
        # libnice repeats the user name of our check in its response, so a response belongs to the
        # participant of its address.
        if kind in (_REQUEST, _INDICATION) and (name := username(data)) is not None:
            ice = self.by_username.get(name)
        if ice is None:
            return "stranger"
        if kind == _REQUEST:
            return ice.take_request(data, self, address)
        return "" if kind == _INDICATION else ice.take_response(data, self, address)


def _candidate(host: str, port: int) -> Candidate:
    """A host candidate."""
    return Candidate(
        foundation=candidate_foundation("host", "udp", host),
        component=COMPONENT,
        transport="udp",
        priority=candidate_priority(COMPONENT, "host"),
        host=host,
        port=port,
        type="host",
    )


def username(data: bytes) -> str | None:
    """The receiver's part of a STUN message's user name, which is before the colon. None if there
    is no user name."""
    position = _STUN_HEADER
    while position + 4 <= len(data):
        kind = int.from_bytes(data[position : position + 2])
        size = int.from_bytes(data[position + 2 : position + 4])
        if kind == _USERNAME:
            value = data[position + 4 : position + 4 + size]
            return value.partition(b":")[0].decode("ascii", "replace")
        position += 4 + size + -size % 4
    return None


def _bound(
    hosts: Sequence[str], number: int, handed: Sequence[socket.socket]
) -> list[tuple[socket.socket, list[str]]]:
    """Sockets on the same port, each with the hosts to offer for it."""
    for_all = any(taken(handed, socket.SOCK_DGRAM, all_, number) for all_ in ("0.0.0.0", "::"))
    for attempt in range(0 if for_all else _TRIES):
        try:
            return _bind([(host, [host]) for host in hosts], number, handed)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                break  # it is not an address of this machine
            if error.errno != errno.EADDRINUSE or number or attempt == _TRIES - 1:
                raise
    families: dict[str, list[str]] = {}
    for host in hosts:
        families.setdefault("::" if ":" in host else "0.0.0.0", []).append(host)
    return _bind(list(families.items()), number, handed)


def _bind(
    wanted: Sequence[tuple[str, list[str]]], number: int, handed: Sequence[socket.socket]
) -> list[tuple[socket.socket, list[str]]]:
    bound = []
    with ExitStack() as undo:
        for address, offered in wanted:
            if given := taken(handed, socket.SOCK_DGRAM, address, number):
                bound.append((given, offered))
                continue
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            own = undo.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            own.setblocking(False)
            if family == socket.AF_INET6:
                own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                own.setsockopt(socket.SOL_SOCKET, buffer, _BUFFER_BYTES)
            try:
                own.bind((address, number))
            except OSError as error:
                message = f"UDP port {number} of {address} cannot be opened: {error.strerror}"
                raise OSError(error.errno, message) from error
            number = own.getsockname()[1]
            bound.append((own, offered))
        undo.pop_all()
    return bound
