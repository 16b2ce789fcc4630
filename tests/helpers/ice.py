"""The server's end of ICE, with a participant whose messages are made by hand."""

from typing import Any

from aioice import stun

from server.media.ice import Address, Ice

KEY = b"k" * 22
FRIEND = ("192.0.2.1", 4000)


class Sent:
    """A socket that notes what is sent. ``owned``: addresses of other participants."""

    socket: Any = None

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.owned: set[Address] = set()
        self.released: list[Address] = []

    def send(self, data: bytes, address: Address) -> None:
        self.sent.append(data)

    def claim(self, address: Address, ice: Ice) -> bool:
        return address not in self.owned

    def release(self, address: Address, ice: Ice) -> None:
        self.released.append(address)

    def limit(self) -> str:
        return ""

    def messages(self, kind: stun.Class) -> list[stun.Message]:
        return [
            message
            for data in self.sent
            if (message := stun.parse_message(data)).message_class == kind
        ]


class Agent:
    """The server's end for a participant with the user name "them" and the password KEY."""

    def __init__(self) -> None:
        self.changes = 0
        self.end = Sent()
        self.ice = Ice("them", KEY.decode(), self._changed)

    def _changed(self) -> None:
        self.changes += 1

    def goes_to(self) -> Address | None:
        """The address that sound is sent to."""
        return None if self.ice.selected is None else self.ice.selected.address

    def check(self, nominates: bool = False, **changed: Any) -> bytes:
        """An authentic check with these changes of attributes."""
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{self.ice.username}:them"
        request.attributes["PRIORITY"] = 1
        request.attributes["ICE-CONTROLLING"] = 1
        if nominates:
            request.attributes["USE-CANDIDATE"] = None
        password = changed.pop("password", self.ice.password)
        for name, value in changed.items():
            request.attributes[name] = value
        request.add_message_integrity(password.encode())
        return bytes(request)

    def take(self, data: bytes, address: Address = FRIEND) -> str:
        return self.ice.take_request(data, self.end, address)

    def answered(self, key: bytes = KEY, address: Address = FRIEND) -> None:
        """Answer our last check from this address."""
        request = self.end.messages(stun.Class.REQUEST)[-1]
        response = stun.Message(
            stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=request.transaction_id
        )
        response.attributes["USERNAME"] = "as libnice has it"
        response.add_message_integrity(key)
        assert not self.ice.take_response(bytes(response), self.end, address)
