"""The sockets on which pages and signaling are served.

asyncio accepts in one go as many connections as may wait in the kernel's queue, and all of them
then want to be served at once: hundreds who come together would hold up the sound's clock. So
few are accepted at a time, and the others wait where waiting costs nothing.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

from aiohttp import web

#: In one turn of the loop. A TLS handshake is a millisecond or two.
ACCEPTED_AT_ONCE: Final = 4
#: The kernel may allow fewer.
WAITING: Final = 1024


async def listen(
    runner: web.BaseRunner,
    host: str,
    port: int,
    ssl_context: ssl.SSLContext | None = None,
) -> int:
    """Serve ``runner`` on every address that ``host`` has ("" is all), until it is cleaned up;
    ``port`` 0 is any that is free. Returns the port. Raises OSError where it is taken."""
    with ExitStack() as undo:
        sockets = [undo.enter_context(each) for each in _bound(host, port)]
        for each in sockets:
            site = web.SockSite(runner, each, ssl_context=ssl_context, backlog=ACCEPTED_AT_ONCE)
            await site.start()
            each.listen(WAITING)
        undo.pop_all()
    return int(sockets[0].getsockname()[1])


def _bound(host: str, port: int) -> Iterator[socket.socket]:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, (address, _, *rest) in dict.fromkeys((each[0], each[4]) for each in found):
        bound = socket.create_server((address, port, *rest), family=family)
        port = bound.getsockname()[1]
        yield bound
