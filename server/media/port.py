"""One UDP port for all participants: one to open in a firewall, and one socket by which a
channel's packets leave together.

Whose a datagram is, is told by
- the user name in a STUN request: half of it is the participant's at this end, made by chance;
- its address for all else, once that address has sent an authenticated check, or was sent one.
An address belongs to who had it first, for as long as that participant stays. What is nobody's
is dropped and counted, and so is what comes faster than honest participants need.
"""

import asyncio
import errno
import socket
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Final, Self, cast

from aioice import Candidate, Connection, stun
from aioice.utils import random_string

from server.media.guard import (
    ADDRESSES,
    MAX_DATAGRAM,
    GuardedProtocol,
    RateLimit,
    gather_by,
    host_candidate,
    is_stun,
)

#: Of all participants together (see guard.NEW_CHECKS_PER_S): what they cost stays bounded.
NEW_CHECKS_PER_S: Final = 1000
USERNAME_LETTERS: Final = 10
#: For how long datagrams are read before the loop gets to do anything else. Of sound that is
#: more than ever wait; a check takes half a millisecond, and a crowd sends hundreds.
AT_ONCE_S: Final = 0.002
#: What the kernel holds of what is not read or sent yet; it may give less.
_BUFFER_BYTES: Final = 4 << 20
#: Free ports tried until one is free on every address.
_TRIES: Final = 20
_STUN_HEADER: Final = 20
_USERNAME: Final = 0x0006


class MediaPort:
    """The sockets of this port, one for each of ``hosts``, and who is behind them.

    Where one of ``hosts`` is not this machine's (but a router's in front of it), there is one
    socket for all. ``number`` 0: any that is free. Raises OSError.
    """

    def __init__(self, hosts: Sequence[str], number: int, dropped: Counter[str]) -> None:
        self._ends = [_End(own, offered, dropped) for own, offered in _bound(hosts, number)]

    @property
    def number(self) -> int:
        return int(self._ends[0].socket.getsockname()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for end in self._ends:
            end.close()

    def use(self, connection: Connection) -> None:
        """Make an aioice connection, that has told nobody of itself yet, gather its candidates
        here, and only here."""
        # aioice's four letters are too few for many participants not to share them.
        connection._local_username = random_string(USERNAME_LETTERS)

        async def gather() -> list[Candidate]:
            return [each for end in self._ends for each in end.admit(connection)]

        gather_by(connection, gather)


class _End:
    """One socket."""

    def __init__(self, own: socket.socket, offered: Sequence[str], dropped: Counter[str]) -> None:
        self.socket = own
        self.dropped = dropped
        self.by_username: dict[str, _PortProtocol] = {}
        self.by_address: dict[tuple[str, int], _PortProtocol] = {}
        self._offered = offered
        self._loop = asyncio.get_running_loop()
        self.new_checks = RateLimit(NEW_CHECKS_PER_S)
        self._loop.add_reader(own, self._read)

    def close(self) -> None:
        self._loop.remove_reader(self.socket)
        self.socket.close()

    def admit(self, connection: Connection) -> list[Candidate]:
        """What of this socket is offered to a new participant."""
        number = self.socket.getsockname()[1]
        candidates = [host_candidate(host, number) for host in self._offered]
        protocol = _PortProtocol(connection, self)
        protocol.local_candidate = candidates[0]
        connection._protocols.append(protocol)
        self.by_username[connection.local_username] = protocol
        return candidates

    def learn(self, address: tuple[str, int], protocol: "_PortProtocol") -> None:
        """What comes from there is this participant's."""
        if self.by_address.setdefault(address, protocol) is protocol:
            protocol.addresses.add(address)

    def forget(self, protocol: "_PortProtocol") -> None:
        self.by_username.pop(protocol.receiver.local_username, None)
        for address in protocol.addresses:
            del self.by_address[address]
        protocol.addresses.clear()

    def _read(self) -> None:
        until_s = self._loop.time() + AT_ONCE_S
        while self._loop.time() < until_s:
            try:
                data, address = self.socket.recvfrom(MAX_DATAGRAM + 1)  # so that too long is seen
            except BlockingIOError:
                return
            except OSError:  # what an earlier datagram of ours met: nobody listens there
                continue
            reason = self._take(data, (address[0], address[1]))
            if reason:
                self.dropped[reason] += 1

    def _take(self, data: bytes, address: tuple[str, int]) -> str:
        """Hand it to whose it is; else why not."""
        if not data:
            return "empty"
        protocol = self.by_address.get(address)
        if is_stun(data) and (name := username(data)) is not None:
            protocol = self.by_username.get(name)
        if protocol is None:
            return "stranger"
        protocol.datagram_received(data, address)
        return ""


class _PortProtocol(GuardedProtocol):
    """A participant's share of a socket: aioice's end, and the transport under it."""

    def __init__(self, receiver: Connection, end: _End) -> None:
        super().__init__(receiver, end.dropped)
        self.addresses: set[tuple[str, int]] = set()
        self._end = end
        self.connection_made(cast(asyncio.DatagramTransport, _Share(end, self)))

    def _too_many(self) -> str:
        if len(self.addresses) >= ADDRESSES:
            return "too_many_addresses"
        if reason := super()._too_many():
            return reason
        allowed = self._end.new_checks.allows(asyncio.get_running_loop().time())
        return "" if allowed else "too_many_checks"

    def send_stun(self, message: stun.Message, addr: tuple[str, int]) -> None:
        # A check is answered, or sent, only after one from there was found to be authentic.
        if message.message_class in (stun.Class.RESPONSE, stun.Class.REQUEST):
            self._end.learn(addr, self)
        super().send_stun(message, addr)


class _Share:
    """What of asyncio's datagram transport is used of a shared socket."""

    def __init__(self, end: _End, protocol: _PortProtocol) -> None:
        self._end = end
        self._protocol = protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._end.socket if name == "socket" else default

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        """Whatever is sent here is repeated when it is lost: nothing is queued."""
        try:
            self._end.socket.sendto(data, address)
        except BlockingIOError:
            self._end.dropped["send_full"] += 1
        except OSError as error:
            self._protocol.error_received(error)

    def close(self) -> None:
        self._end.forget(self._protocol)
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)


def username(data: bytes) -> str | None:
    """The part before the colon of a STUN message's user name: the receiver's. None where it
    has no user name."""
    position = _STUN_HEADER
    while position + 4 <= len(data):
        kind = int.from_bytes(data[position : position + 2])
        size = int.from_bytes(data[position + 2 : position + 4])
        if kind == _USERNAME:
            value = data[position + 4 : position + 4 + size]
            return value.partition(b":")[0].decode("ascii", "replace")
        position += 4 + size + -size % 4
    return None


def _bound(hosts: Sequence[str], number: int) -> list[tuple[socket.socket, list[str]]]:
    """Sockets on the same port, and the hosts to be offered for each."""
    for attempt in range(_TRIES):
        try:
            return _bind([(host, [host]) for host in hosts], number)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                break  # it is not this machine's
            if error.errno != errno.EADDRINUSE or number or attempt == _TRIES - 1:
                raise
    families: dict[str, list[str]] = {}
    for host in hosts:
        families.setdefault("::" if ":" in host else "0.0.0.0", []).append(host)
    return _bind(list(families.items()), number)


def _bind(
    wanted: Sequence[tuple[str, list[str]]], number: int
) -> list[tuple[socket.socket, list[str]]]:
    bound = []
    with ExitStack() as undo:
        for address, offered in wanted:
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
                message = f"UDP port {number} of {address} cannot be had: {error.strerror}"
                raise OSError(error.errno, message) from error
            number = own.getsockname()[1]
            bound.append((own, offered))
        undo.pop_all()
    return bound
