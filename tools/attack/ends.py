"""A participant's own end of its connection: what is sent there comes from its address."""

import re
import socket
from contextlib import suppress
from typing import Any

from aiortc import RTCPeerConnection
from pylibsrtp import Error as SrtpError

from tools.attack.mutation import Mutator
from tools.attack.nonsense import check, rtcp, rtp


class End:
    """Of a participant that is connected. ``server``: the address it sends to. ``username``:
    what its checks bear."""

    def __init__(self, connection: RTCPeerConnection) -> None:
        self._dtls: Any = connection.getTransceivers()[0].receiver.transport
        ice = self._dtls.transport._connection
        pair = ice._nominated[1]
        self.server: tuple[str, int] = pair.remote_addr
        self.username = f"{ice.remote_username}:{ice.local_username}"
        self._password = str(ice.remote_password)
        sources = re.findall(r"a=ssrc:(\d+)", connection.remoteDescription.sdp)
        self._ssrc = int(sources[0]) if sources else 1
        self._socket: socket.socket = pair.protocol.transport.get_extra_info("socket").dup()

    def close(self) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """From the participant's address."""
        send(self._socket, data, self.server)

    def send_authentic(self, mutator: Mutator) -> None:
        """What the server must believe comes from the participant, and is wrong nevertheless."""
        session = self._dtls._tx_srtp
        kind = mutator.random.randrange(3)
        try:
            if kind == 0:
                self.send(check(self.username, self._password, mutator))
            elif kind == 1:
                self.send(session.protect(rtp(mutator)))
            else:
                self.send(session.protect_rtcp(rtcp(self._ssrc, mutator)))
        except (SrtpError, ValueError):
            pass  # so wrong, or so long, that it cannot even be encrypted


def send(own: socket.socket, data: bytes, address: tuple[str, int]) -> None:
    """What the kernel does not take is lost; so it is when the socket has been closed."""
    with suppress(OSError):
        own.sendto(data, address)
