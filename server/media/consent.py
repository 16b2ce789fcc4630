"""Whether a participant still wants what is sent to it (RFC 7675), asked cheaply and patiently.

aioice builds each check three times over, and takes an answer that comes after half a second for
none: a participant far away was dead to it after half a minute. Here a check is a template, its
transaction and its signature; any answer to one of the last checks counts, however late.
"""

import asyncio
import os
import random
import struct
from collections import deque
from typing import Any, Final

from aioice import Connection, stun
from aioice.ice import StunProtocol

#: RFC 7675, 5.1.
INTERVAL_S = 5.0
EXPIRY_S = 30.0
#: Checks whose answers are waited for: all of the last EXPIRY_S, their intervals being random.
OUTSTANDING: Final = 8
_COMPONENT: Final = 1
_TRANSACTION: Final = slice(8, 20)
_MESSAGE_INTEGRITY: Final = 0x0008
_FINGERPRINT: Final = 0x8028


def keep(connection: Connection) -> None:
    """Let this ask in aioice's place."""
    connection.query_consent = _Consent(connection).run  # type: ignore[method-assign]


class _Consent:
    """Stands in the protocol's list of transactions for each of its checks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._asked: deque[tuple[StunProtocol, bytes]] = deque()
        self._pair: Any = None
        self._template = b""
        self._key = b""
        self._heard_s = 0.0

    async def run(self) -> None:
        """Until nothing was answered for EXPIRY_S: the connection is closed then."""
        loop = asyncio.get_running_loop()
        assert self._connection.remote_password is not None
        self._key = self._connection.remote_password.encode()
        self._heard_s = loop.time()
        try:
            while loop.time() - self._heard_s < EXPIRY_S:
                await asyncio.sleep(INTERVAL_S * random.uniform(0.8, 1.2))
                self._ask()
        finally:
            while self._asked:
                self._forget()
        self._connection._query_consent_task = None  # which close() would wait for
        await self._connection.close()

    def response_received(self, message: stun.Message, addr: tuple[str, int]) -> None:
        """As aioice's transactions are told."""
        if message.message_class == stun.Class.RESPONSE and message.check_message_integrity(
            self._key
        ):
            self._heard_s = asyncio.get_running_loop().time()

    def _ask(self) -> None:
        pair = self._connection._nominated.get(_COMPONENT)
        if pair is None:
            return
        if pair is not self._pair:
            self._pair = pair
            self._template = bytes(self._connection.build_request(pair, nominate=False))
        transaction = os.urandom(12)
        if len(self._asked) == OUTSTANDING:
            self._forget()
        self._asked.append((pair.protocol, transaction))
        pair.protocol.transactions[transaction] = self  # type: ignore[assignment]
        start, rest = self._template[: _TRANSACTION.start], self._template[_TRANSACTION.stop :]
        pair.protocol.transport.sendto(
            signed(start + transaction + rest, self._key), pair.remote_addr
        )

    def _forget(self) -> None:
        protocol, transaction = self._asked.popleft()
        protocol.transactions.pop(transaction, None)


def signed(message: bytes, key: bytes) -> bytes:
    """A STUN message with MESSAGE-INTEGRITY and FINGERPRINT (RFC 8489, 14.5 and 14.7)."""
    integrity = stun.message_integrity(message, key)
    message += struct.pack("!HH", _MESSAGE_INTEGRITY, len(integrity)) + integrity
    fingerprint = stun.message_fingerprint(message)
    message += struct.pack("!HHI", _FINGERPRINT, 4, fingerprint)
    return stun.set_body_length(message, len(message) - stun.HEADER_LENGTH)
