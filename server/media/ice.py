"""ICE for one participant (RFC 8445). It answers checks, and never sends one first.

- Candidates of an offer are ignored. A path begins with an authenticated check from the
  participant. It is answered, and a check of ours goes back to the same address.
- Audio takes the path that the participant nominated last, once the participant has answered a
  check of ours on it. So an address that wants no audio gets nothing but checks.
- A participant that answers no check any more is gone: see ``consent``.
- A restart replaces all credentials. The old ones are worth nothing from then on.
- STUN messages are read by aioice's public functions, and written in ``credentials``; aioice's
  agent is not used.
"""

import asyncio
import os
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from aioice import stun

from server.media.consent import Consent
from server.media.credentials import Credentials
from server.media.guard import (
    ADDRESSES,
    CONNECTED_CHECKS_PER_S,
    NEW_CHECKS_PER_S,
    QUEUE_DATAGRAMS,
    RateLimit,
)

#: The first interval between checks of a new path. It doubles each time.
RETRY_S: Final = 0.5
TRIES: Final = 7
#: Unanswered checks that are remembered: more than a participant that is gone gets.
OUTSTANDING: Final = 32
#: What parsing a malformed STUN message may raise.
_MALFORMED = (ValueError, LookupError, struct.error)

Address = tuple[str, int]


class End(Protocol):
    """One of the server's UDP sockets."""

    socket: socket.socket

    def send(self, data: bytes, address: Address) -> None:
        """Send a datagram. Neither waits nor raises."""

    def claim(self, address: Address, ice: "Ice") -> bool:
        """Assign ``address`` to this participant. Returns whether it is: an address belongs to
        the participant who had it first, until that one leaves."""

    def release(self, address: Address, ice: "Ice") -> None:
        """Assign ``address`` to nobody, if it is this participant's."""

    def limit(self) -> str:
        """Why a check from a new address is not accepted now; empty if it is."""


class Path:
    """One of our sockets, and an address of the participant. ``answered``: it has answered a check
    of ours. ``nominated``: by the participant."""

    def __init__(self, end: End, address: Address) -> None:
        self.end = end
        self.address = address
        self.nominated = False
        self.answered = False
        self.tries = 0
        self.timer: asyncio.TimerHandle | None = None

    def stop_checks(self) -> None:
        """No further check is sent, unless one arrives."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Ice:
    """``remote_username`` and ``remote_password``: the participant's. ``changed`` is called when
    another path is selected, and when ICE closes: see ``selected`` and ``closed``."""

    def __init__(
        self, remote_username: str, remote_password: str, changed: Callable[[], None]
    ) -> None:
        self.selected: Path | None = None
        self._nominated: Path | None = None  # the path that was nominated last
        self._settled = False  # a path is selected, also since the last restart
        self.closed = False
        self.paths: dict[tuple[End, Address], Path] = {}
        self._credentials = Credentials(remote_username, remote_password)
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._new_checks = RateLimit(NEW_CHECKS_PER_S)
        self._connected_checks = RateLimit(CONNECTED_CHECKS_PER_S)
        self._pending: dict[bytes, Path] = {}
        self._consent = Consent(self._ask, self.close)
        self._datagrams: deque[bytes] = deque()
        self._event = asyncio.Event()

    @property
    def username(self) -> str:
        """Ours."""
        return self._credentials.username

    @property
    def password(self) -> str:
        """Ours."""
        return self._credentials.password

    # For DTLS above.

    async def connected(self) -> None:
        """Wait until a path is selected. Raises ConnectionError once closed."""
        while self.selected is None:
            await self._wait_for_event()

    async def arrived(self) -> None:
        """Wait until a datagram can be read. Raises ConnectionError once closed."""
        while self.closed or not self._datagrams:
            await self._wait_for_event()

    def read(self) -> bytes:
        """The next datagram that has arrived."""
        return self._datagrams.popleft()

    def send(self, data: bytes) -> None:
        """Send on the selected path. Raises ConnectionError if there is none."""
        if self.selected is None:
            raise ConnectionError("there is no path to the participant")
        self.selected.end.send(data, self.selected.address)

    def restart(self, remote_username: str, remote_password: str) -> None:
        """Take new credentials at both ends (RFC 8445, 9). Audio goes on along the selected path,
        until the participant has nominated one with the new credentials."""
        self._credentials = Credentials(remote_username, remote_password)
        self._pending.clear()
        self._nominated = None
        self._settled = False
        for key, path in list(self.paths.items()):
            path.stop_checks()
            path.nominated = path.answered = False
            if path is not self.selected:
                del self.paths[key]
                path.end.release(path.address, self)
        if self.selected is not None:
            self._consent.given()

    def close(self) -> None:
        """Stop sending, receiving and waiting. May be called again."""
        if self.closed:
            return
        self.closed = True
        self.selected = None
        self._consent.end()
        for path in self.paths.values():
            path.stop_checks()
        self._pending.clear()
        self._event.set()
        self._changed()

    async def _wait_for_event(self) -> None:
        if self.closed:
            raise ConnectionError("the connection is closed")
        self._event.clear()
        await self._event.wait()

    # For the port below. Each returns why the datagram was dropped; empty if it was not.

    def take_data(self, data: bytes) -> str:
        """Take a datagram other than STUN, from one of the participant's addresses."""
        if len(self._datagrams) >= QUEUE_DATAGRAMS:
            return "queue_full"
        self._datagrams.append(data)
        self._event.set()
        return ""

    def take_request(self, data: bytes, end: End, address: Address) -> str:
        """Take a STUN request with this participant's user name."""
        if (end, address) not in self.paths and (reason := self._limit(end)):
            return reason
        try:
            request = stun.parse_message(data)
        except _MALFORMED:
            return "malformed_stun"
        error = self._credentials.fault(request)
        end.send(self._credentials.response(request, address, error), address)
        if error is None:
            self._handle_check(end, address, nominates="USE-CANDIDATE" in request.attributes)
        return ""

    def take_response(self, data: bytes, end: End, address: Address) -> str:
        """Take a STUN response from one of the participant's addresses."""
        try:
            response = stun.parse_message(data)
        except _MALFORMED:
            return "malformed_stun"
        path = self._pending.get(response.transaction_id)
        if (
            path is not None
            and path is self.paths.get((end, address))
            and response.message_class == stun.Class.RESPONSE
            and self._credentials.sign(response)
        ):
            del self._pending[response.transaction_id]
            self._handle_answer(path)
        return ""

    def _limit(self, end: End) -> str:
        own = self._connected_checks if self._settled else self._new_checks
        return end.limit() if own.allows(self._loop.time()) else "too_many_checks"

    def _forget_oldest(self) -> bool:
        """Make room for a path. False: all are in use."""
        for key, path in self.paths.items():
            if path is not self.selected and path is not self._nominated:
                path.stop_checks()
                path.end.release(path.address, self)
                del self.paths[key]
                return True
        return False

    def _handle_check(self, end: End, address: Address, nominates: bool) -> None:
        path = self.paths.get((end, address))
        if path is None:
            if self.closed or (len(self.paths) >= ADDRESSES and not self._forget_oldest()):
                return
            if not end.claim(address, self):
                return
            path = self.paths[end, address] = Path(end, address)
        if nominates:
            path.nominated = True
            self._nominated = path
        if path.answered:
            if nominates:
                self._select(path)
        elif path.timer is None:
            path.tries = 0
            self._check(path)

    def _handle_answer(self, path: Path) -> None:
        first, path.answered = not path.answered, True
        path.stop_checks()
        if path is self.selected:
            self._settled = True
            self._consent.given()
        elif first and path.nominated and (self.selected is None or path is self._nominated):
            self._select(path)

    def _select(self, path: Path) -> None:
        self._settled = True
        if path is self.selected:
            return
        self.selected = path
        self._event.set()
        self._consent.given()
        self._changed()

    # Our own checks.

    def _check(self, path: Path) -> None:
        """Check a new path until it answers, at most TRIES times."""
        path.timer = None
        if path.tries < TRIES:
            self._send_check(path)
            path.timer = self._loop.call_later(RETRY_S * 2**path.tries, self._check, path)
            path.tries += 1

    def _ask(self) -> None:
        assert self.selected is not None
        self._send_check(self.selected)

    def _send_check(self, path: Path) -> None:
        transaction = os.urandom(12)
        if len(self._pending) >= OUTSTANDING:
            del self._pending[next(iter(self._pending))]
        self._pending[transaction] = path
        path.end.send(self._credentials.check(transaction), path.address)
