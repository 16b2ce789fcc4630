"""Sends datagrams from the address of a connected participant."""

import re
import socket
from contextlib import suppress
from typing import Any

from aiortc import RTCPeerConnection
from OpenSSL import SSL
from pylibsrtp import Error as SrtpError

from tools.attack.mutation import Mutator
from tools.attack.nonsense import check, rtcp, rtp


class End:
    """A connected participant's end of the connection. ``server``: the address that it sends to.
    ``username``: of its STUN checks."""

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
        """Send from the participant's address."""
        send(self._socket, data, self.server)

    def send_authentic(self, mutator: Mutator) -> None:
        """Send something wrong that is authenticated as the participant's."""
        session = self._dtls._tx_srtp
        kind = mutator.random.randrange(4)
        try:
            if kind == 0:
                self.send(check(self.username, self._password, mutator))
            elif kind == 1:
                self.send(session.protect(rtp(mutator)))
            elif kind == 2:
                self.send(b"".join(self._record() for _ in range(40)))
            else:
                self.send(session.protect_rtcp(rtcp(self._ssrc, mutator)))
        except (SrtpError, SSL.Error, ValueError):
            pass  # it is too wrong or too long to be encrypted, or the connection is over

    def _record(self) -> bytes:
        """A DTLS record of application data."""
        self._dtls._ssl.send(b"x")
        return bytes(self._dtls._ssl.bio_read(1500))


def send(own: socket.socket, data: bytes, address: tuple[str, int]) -> None:
    """Send, or lose the datagram if the kernel does not take it or the socket is closed."""
    with suppress(OSError):
        own.sendto(data, address)
