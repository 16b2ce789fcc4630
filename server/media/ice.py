"""A participant's ICE at this end (RFC 8445): it answers, and never probes.

- Candidates of an offer are not used. A path to the participant begins with an authenticated
  check that came by it; that check is answered, and one of ours goes back the same way.
- Sound takes the path that the participant nominated last, once it has answered a check of ours:
  so nothing but checks is sent to an address that does not want it.
- Whether the participant still wants it is asked every 5 s (RFC 7675). Every answer to one of the
  last checks counts, however late: a participant may be far away.
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
#: A check of a new path is repeated after so long, then after twice that, and so on.
RETRY_S: Final = 0.5
TRIES: Final = 7
#: Checks whose answers are waited for: more than are sent in EXPIRY_S.
OUTSTANDING: Final = 32
_TRANSACTION: Final = slice(8, 20)
_MESSAGE_INTEGRITY: Final = 0x0008
_FINGERPRINT: Final = 0x8028
#: What parsing a malformed STUN message may raise.
_MALFORMED = (ValueError, LookupError, struct.error)

Address = tuple[str, int]


class End(Protocol):
    """One of the sockets at which participants reach this server."""

    socket: socket.socket

    def send(self, data: bytes, address: Address) -> None:
        """Neither waits nor raises."""

    def claim(self, address: Address, ice: "Ice") -> bool:
        """What comes from there is this participant's from now on; whether it is: an address
        belongs to who had it first, for as long as that participant stays."""

    def limit(self) -> str:
        """Why a check from a new address is not taken now; nothing if it is."""


class Path:
    """One of our sockets, and an address of the participant's. ``heard_s``: when it last answered
    a check of ours; None before the first answer. ``wanted``: the participant nominated it."""

    def __init__(self, end: End, address: Address) -> None:
        self.end = end
        self.address = address
        self.nominated = False
        self.answered_s: float | None = None
        self.tries = 0
        self.timer: asyncio.TimerHandle | None = None


class Ice:
    """``remote_username`` and ``remote_password``: the participant's. ``changed`` is called when
    there is another path for sound, or none any more: see ``selected``."""

    def __init__(
        self, remote_username: str, remote_password: str, changed: Callable[[], None]
    ) -> None:
        self.username = secrets.token_hex(8)
        self.password = secrets.token_hex(16)
        self.selected: Path | None = None
        self._nominated: Path | None = None  # the last one
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

    # What the transport above reads and sends.

    async def connected(self) -> None:
        """Wait until there is a path for sound. Raises ConnectionError once closed."""
        while self.selected is None:
            await self._wait_for_event()

    async def arrived(self) -> None:
        """Wait until a datagram can be read. Raises ConnectionError once closed."""
        while self.closed or not self._datagrams:
            await self._wait_for_event()

    def read(self) -> bytes:
        """A datagram that has arrived."""
        return self._datagrams.popleft()

    def send(self, data: bytes) -> None:
        """Raises ConnectionError where there is no path."""
        if self.selected is None:
            raise ConnectionError("there is no path to the participant")
        self.selected.end.send(data, self.selected.address)

    def close(self) -> None:
        """Nothing is sent, taken or waited for any more. May be called again."""
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

    # What comes in. Each returns why it was dropped, or nothing.

    def take_data(self, data: bytes) -> str:
        """Anything but STUN, from an address of the participant's."""
        if len(self._datagrams) >= QUEUE_DATAGRAMS:
            return "queue_full"
        self._datagrams.append(data)
        self._event.set()
        return ""

    def take_request(self, data: bytes, end: End, address: Address) -> str:
        """A STUN request that names this participant."""
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
        """A STUN response from an address of the participant's."""
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
        """What is wrong with a check (RFC 8445, 7.3; RFC 8489, 9.1.3)."""
        attributes = request.attributes
        is_whole = "MESSAGE-INTEGRITY" in attributes and "USERNAME" in attributes
        if request.message_method != stun.Method.BINDING or not is_whole:
            return 400, "Bad Request"
        if attributes["USERNAME"] != self._username or not request.check_message_integrity(
            self._key
        ):
            return 401, "Unauthenticated"
        if "ICE-CONTROLLED" in attributes:  # the one that offers controls: it is to change
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
        if error is not None and error[0] != 487:  # to somebody who has no key
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
        path.answered_s = self._loop.time()  # its check has just come by this path
        self.selected = path
        self._event.set()
        if self._consent is None:
            self._plan_consent()
        self._changed()

    # Checks of ours.

    def _check(self, path: Path) -> None:
        """Check a new path, until it answers or was tried often enough."""
        path.timer = None
        if path.tries < TRIES:
            self._send_check(path)
            path.timer = self._loop.call_later(RETRY_S * 2**path.tries, self._check, path)
            path.tries += 1

    def _plan_consent(self) -> None:
        wait_s = INTERVAL_S * random.uniform(0.8, 1.2)
        self._consent = self._loop.call_later(wait_s, self._check_consent)

    def _check_consent(self) -> None:
        """Until nothing was answered for EXPIRY_S: then the connection is closed."""
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
        """A check without its transaction and signature: to build each would cost three times as
        much."""
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
