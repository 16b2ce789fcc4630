"""Sockets that a process was given at its start, in place of those it would open."""

import socket
from collections.abc import Sequence


def taken(
    handed: Sequence[socket.socket], kind: socket.SocketKind, address: str, port: int
) -> socket.socket | None:
    """The socket of this kind in ``handed`` that is bound to ``address`` and ``port``, if any."""
    for each in handed:
        if each.type == kind and each.getsockname()[:2] == (address, port):
            return each
    return None
