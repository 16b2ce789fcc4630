"""ICE for one participant (RFC 8445). It answers checks, and never sends one first.

- Candidates of an offer are ignored. A path begins with an authenticated check from the
  participant. It is answered, and a check of ours goes back to the same address.
- Audio takes the path that the participant nominated last, once the participant has answered a
  check of ours on it. So an address that wants no audio gets nothing but checks.
- Consent is checked every 5 s (RFC 7675). Any answer to one of the last checks counts, however
  late: a participant may be far away.
- STUN messages are read and signed by aioice's public functions; its agent is not used.
"""

import asyncio
import os
import random
import secrets
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from aioice import stun
from aioice.candidate import candidate_priority

from server.media.guard import ADDRESSES, NEW_CHECKS_PER_S, QUEUE_DATAGRAMS, RateLimit

#: RFC 7675, 5.1.
INTERVAL_S = 5.0
EXPIRY_S = 30.0
#: RTP and RTCP share one component.
COMPONENT: Final = 1
#: The first interval between checks of a new path. It doubles each time.
RETRY_S: Final = 0.5
TRIES: Final = 7
#: Unanswered checks that are remembered: more than are sent in EXPIRY_S.
OUTSTANDING: Final = 32
_TRANSACTION: Final = slice(8, 20)
_MESSAGE_INTEGRITY: Final = 0x0008
_FINGERPRINT: Final = 0x8028
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

    def limit(self) -> str:
        """Why a check from a new address is not accepted now; empty if it is."""


class Path:
    """One of our sockets, and an address of the participant. ``answered_s``: when it last answered
    a check of ours; None before the first answer. ``nominated``: by the participant."""

    def __init__(self, end: End, address: Address) -> None:
        self.end = end
        self.address = address
        self.nominated = False
        self.answered_s: float | None = None
        self.tries = 0
        self.timer: asyncio.TimerHandle | None = None


class Ice:
    """``remote_username`` and ``remote_password``: the participant's. ``changed`` is called when
    another path is selected, and when ICE closes: see ``selected`` and ``closed``."""

    def __init__(
        self, remote_username: str, remote_password: str, changed: Callable[[], None]
    ) -> None:
        self.username = secrets.token_hex(8)
        self.password = secrets.token_hex(16)
        self.selected: Path | None = None
        self._nominated: Path | None = None  # the path that was nominated last
        self.closed = False
        self.paths: dict[tuple[End, Address], Path] = {}
        self._username = f"{self.username}:{remote_username}"
        self._key = self.password.encode()
        self._remote_key = remote_password.encode()
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._new_checks = RateLimit(NEW_CHECKS_PER_S)
        self._template = self._check_template(remote_username)
        self._pending: dict[bytes, Path] = {}
        self._consent: asyncio.TimerHandle | None = None
        self._datagrams: deque[bytes] = deque()
        self._event = asyncio.Event()

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

    def close(self) -> None:
        """Stop sending, receiving and waiting. May be called again."""
        if self.closed:
            return
        self.closed = True
        self.selected = None
        for timer in (self._consent, *(path.timer for path in self.paths.values())):
            if timer is not None:
                timer.cancel()
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
        error = self._fault(request)
        end.send(self._response(request, address, error), address)
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
            and response.check_message_integrity(self._remote_key)
        ):
            del self._pending[response.transaction_id]
            self._handle_answer(path)
        return ""

    def _limit(self, end: End) -> str:
        if len(self.paths) >= ADDRESSES:
            return "too_many_addresses"
        return end.limit() if self._new_checks.allows(self._loop.time()) else "too_many_checks"

    def _fault(self, request: stun.Message) -> tuple[int, str] | None:
        """The error to answer a check with, if any (RFC 8445, 7.3; RFC 8489, 9.1.3)."""
        attributes = request.attributes
        is_whole = "MESSAGE-INTEGRITY" in attributes and "USERNAME" in attributes
        if request.message_method != stun.Method.BINDING or not is_whole:
            return 400, "Bad Request"
        if attributes["USERNAME"] != self._username or not request.check_message_integrity(
            self._key
        ):
            return 401, "Unauthenticated"
        if "ICE-CONTROLLED" in attributes:  # whoever offers controls: it must switch
            return 487, "Role Conflict"
        return None

    def _response(
        self, request: stun.Message, address: Address, error: tuple[int, str] | None
    ) -> bytes:
        kind = stun.Class.RESPONSE if error is None else stun.Class.ERROR
        response = stun.Message(request.message_method, kind, request.transaction_id)
        if error is None:
            response.attributes["XOR-MAPPED-ADDRESS"] = address
        else:
            response.attributes["ERROR-CODE"] = error
        if error is not None and error[0] != 487:  # the other end does not know the key
            response.add_fingerprint()
        else:
            response.add_message_integrity(self._key)
        return bytes(response)

    def _handle_check(self, end: End, address: Address, nominates: bool) -> None:
        path = self.paths.get((end, address))
        if path is None:
            if self.closed or not end.claim(address, self):
                return
            path = self.paths[end, address] = Path(end, address)
        if nominates:
            path.nominated = True
            self._nominated = path
        if path.answered_s is not None:
            if nominates:
                self._select(path)
        elif path.timer is None:
            path.tries = 0
            self._check(path)

    def _handle_answer(self, path: Path) -> None:
        first = path.answered_s is None
        path.answered_s = self._loop.time()
        if path.timer is not None:
            path.timer.cancel()
            path.timer = None
        if first and path.nominated and (self.selected is None or path is self._nominated):
            self._select(path)

    def _select(self, path: Path) -> None:
        if path is self.selected:
            return
        path.answered_s = self._loop.time()  # a check has just arrived on this path
        self.selected = path
        self._event.set()
        if self._consent is None:
            self._plan_consent()
        self._changed()

    # Our own checks.

    def _check(self, path: Path) -> None:
        """Check a new path until it answers, at most TRIES times."""
        path.timer = None
        if path.tries < TRIES:
            self._send_check(path)
            path.timer = self._loop.call_later(RETRY_S * 2**path.tries, self._check, path)
            path.tries += 1

    def _plan_consent(self) -> None:
        wait_s = INTERVAL_S * random.uniform(0.8, 1.2)
        self._consent = self._loop.call_later(wait_s, self._check_consent)

    def _check_consent(self) -> None:
        """Check the selected path. Close if it has not answered for EXPIRY_S."""
        path = self.selected
        assert path is not None and path.answered_s is not None
        if self._loop.time() - path.answered_s >= EXPIRY_S:
            self.close()
        else:
            self._send_check(path)
            self._plan_consent()

    def _send_check(self, path: Path) -> None:
        transaction = os.urandom(12)
        if len(self._pending) >= OUTSTANDING:
            del self._pending[next(iter(self._pending))]
        self._pending[transaction] = path
        start, rest = self._template[: _TRANSACTION.start], self._template[_TRANSACTION.stop :]
        path.end.send(signed(start + transaction + rest, self._remote_key), path.address)

    def _check_template(self, remote_username: str) -> bytes:
        """A check without transaction and signature. Building each check anew would cost three
        times as much."""
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{remote_username}:{self.username}"
        request.attributes["PRIORITY"] = candidate_priority(COMPONENT, "prflx")
        request.attributes["ICE-CONTROLLED"] = secrets.randbits(64)
        return bytes(request)


def signed(message: bytes, key: bytes) -> bytes:
    """A STUN message with MESSAGE-INTEGRITY and FINGERPRINT (RFC 8489, 14.5 and 14.7)."""
    integrity = stun.message_integrity(message, key)
    message += struct.pack("!HH", _MESSAGE_INTEGRITY, len(integrity)) + integrity
    fingerprint = stun.message_fingerprint(message)
    message += struct.pack("!HHI", _FINGERPRINT, 4, fingerprint)
    return stun.set_body_length(message, len(message) - stun.HEADER_LENGTH)
