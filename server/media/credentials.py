"""The credentials of ICE, and the STUN messages that are written with them.

Both ends have a user name and a password. They remain until ICE restarts, which replaces all of
them.
"""

import secrets
import struct
from typing import Final

from aioice import stun
from aioice.candidate import candidate_priority

#: RTP and RTCP share one component.
COMPONENT: Final = 1
_TRANSACTION: Final = slice(8, 20)
_MESSAGE_INTEGRITY: Final = 0x0008
_FINGERPRINT: Final = 0x8028

#: An error of STUN: its number, and its text.
Fault = tuple[int, str]


class Credentials:
    """``username`` and ``password`` are ours, and made here; the others are the participant's."""

    def __init__(self, remote_username: str, remote_password: str) -> None:
        self.username: Final = secrets.token_hex(8)
        self.password: Final = secrets.token_hex(16)
        self._expected = f"{self.username}:{remote_username}"
        self._key = self.password.encode()
        self._remote_key = remote_password.encode()
        self._template = self._check_template(remote_username)

    def fault(self, request: stun.Message) -> Fault | None:
        """The error to answer a check with, if any (RFC 8445, 7.3; RFC 8489, 9.1.3)."""
        attributes = request.attributes
        is_whole = "MESSAGE-INTEGRITY" in attributes and "USERNAME" in attributes
        if request.message_method != stun.Method.BINDING or not is_whole:
            return 400, "Bad Request"
        if attributes["USERNAME"] != self._expected or not request.check_message_integrity(
            self._key
        ):
            return 401, "Unauthenticated"
        if "ICE-CONTROLLED" in attributes:  # whoever offers controls: it must switch
            return 487, "Role Conflict"
        return None

    def response(
        self, request: stun.Message, address: tuple[str, int], error: Fault | None
    ) -> bytes:
        """The response to a check from ``address``."""
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

    def sign(self, response: stun.Message) -> bool:
        """Whether the participant signed this response to a check of ours."""
        return bool(response.check_message_integrity(self._remote_key))

    def check(self, transaction: bytes) -> bytes:
        """A check of ours. ``transaction``: 12 random bytes."""
        start, rest = self._template[: _TRANSACTION.start], self._template[_TRANSACTION.stop :]
        return signed(start + transaction + rest, self._remote_key)

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
