"""A limit for the bytes that wait in the kernel's and the transport's send buffers."""

import asyncio
import socket
from typing import Final

from aiohttp import web

#: How much the kernel and the transport may each hold unsent. The rest waits in our own queues,
#: where old audio can be dropped; otherwise a stalled network would add seconds of delay.
UNSENT_BYTES: Final = 4 * 1024


def bound_unsent(request: web.Request) -> asyncio.Transport | None:
    """Limit the send buffers of the request's connection. Returns the connection's transport;
    None if it is closed."""
    transport = request.transport
    if transport is None:
        return None
    transport.set_write_buffer_limits(high=UNSENT_BYTES)
    option = getattr(socket, "TCP_NOTSENT_LOWAT", None)  # Linux and macOS
    peer = transport.get_extra_info("socket")
    if option is not None and peer.family in (socket.AF_INET, socket.AF_INET6):
        peer.setsockopt(socket.IPPROTO_TCP, option, UNSENT_BYTES)
    return transport
