"""How much of what is sent waits where we cannot take it back."""

import asyncio
import socket
from typing import Final

from aiohttp import web

#: How much the kernel and the transport may hold unsent, each. What is beyond waits in our
#: queues, where the oldest sound can be dropped: otherwise a stall is heard as seconds of lag.
UNSENT_BYTES: Final = 4 * 1024


def bound_unsent(request: web.Request) -> asyncio.Transport | None:
    """Bound it for the connection of ``request``; returns that, None where it is gone."""
    transport = request.transport
    if transport is None:
        return None
    transport.set_write_buffer_limits(high=UNSENT_BYTES)
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)  # Linux and macOS
    peer = transport.get_extra_info("socket")
    if option is not None and peer.family in (socket.AF_INET, socket.AF_INET6):
        peer.setsockopt(socket.IPPROTO_TCP, option, UNSENT_BYTES)
    return transport
