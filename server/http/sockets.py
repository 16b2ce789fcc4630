"""The TCP sockets on which pages and signaling are served.

In one iteration of the loop asyncio accepts up to ``backlog`` connections, which then all want to
be served at once. Hundreds that come together would delay the 20 ms clock. So few are accepted at
a time; the others wait in the kernel's queue.

Nothing on the loop limits how long a client may take nothing of a page or a file, and a connection
that is closed waits for what is unsent. So the kernel ends a connection whose client takes nothing.
"""

import socket
import ssl
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from aiohttp import web

from server.handed import taken

#: Connections accepted in one iteration of the loop. A TLS handshake takes a millisecond or two.
ACCEPTED_AT_ONCE: Final = 4
#: Length of the kernel's queue of connections; the kernel may allow fewer.
WAITING: Final = 1024
#: How long a client may acknowledge nothing of what is sent, or have no room for any, in seconds. A
#: slow one takes something all the time; a phone between two networks is back sooner.
TAKE_S: Final = 30.0
_ALL: Final = {"0.0.0.0", "::"}


async def listen(
    runner: web.BaseRunner,
    host: str,
    port: int,
    ssl_context: ssl.SSLContext | None = None,
    handed: Sequence[socket.socket] = (),
    take_s: float = TAKE_S,
) -> list[socket.socket]:
    """Serve ``runner`` on every address of ``host`` ("": all) until it is cleaned up. ``port`` 0:
    any free one. ``handed``: see ``bound``; those of them that are not wanted are closed.
    ``take_s``: see ``TAKE_S``. Returns the sockets. Raises OSError if the port is in use."""
    handed = _wanted(host, port, handed)
    with ExitStack() as undo:
        sockets = [undo.enter_context(each) for each in bound(host, port, handed)]
        for each in sockets:
            if sys.platform == "linux":  # connections that are accepted inherit it
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(1000 * take_s))
            site = web.SockSite(runner, each, ssl_context=ssl_context, backlog=ACCEPTED_AT_ONCE)
            await site.start()
            each.listen(WAITING)
        undo.pop_all()
    return sockets


def bound(host: str, port: int, handed: Sequence[socket.socket] = ()) -> Iterator[socket.socket]:
    """A socket for each address of ``host``, for the caller to close: of ``handed`` if it is
    there, else a new one. Raises OSError."""
    for family, address, rest in _addresses(host, port):
        bound = taken(handed, socket.SOCK_STREAM, address, port)
        bound = bound or socket.create_server((address, port, *rest), family=family)
        port = bound.getsockname()[1]
        yield bound


def reserved(host: str, port: int, handed: Sequence[socket.socket]) -> list[socket.socket]:
    """New sockets for those addresses of ``host`` that can be had while another process has
    ``handed``. They hold their places until ``listen``. Raises OSError if one is in use."""
    with ExitStack() as undo:
        new = [
            undo.enter_context(socket.create_server((address, port, *rest), family=family))
            for family, address, rest in _addresses(host, port)
            if port and not any(_overlap(each, family, address, port) for each in handed)
        ]
        undo.pop_all()
    return new


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, str, tuple[int, ...]]]:
    """Each address of ``host``, with its family, and what follows the port in a socket's name."""
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    names = dict.fromkeys((each[0], each[4]) for each in found)
    return [(family, str(address), tuple(rest)) for family, (address, _, *rest) in names]


def _overlap(own: socket.socket, family: int, address: str, port: int) -> bool:
    """Whether ``own`` keeps others from binding ``address`` and ``port``."""
    if (own.type, own.family) != (socket.SOCK_STREAM, family):
        return False
    there, number = own.getsockname()[:2]
    return number == port and (there == address or not {there, address}.isdisjoint(_ALL))


def _wanted(host: str, port: int, handed: Sequence[socket.socket]) -> list[socket.socket]:
    """The TCP sockets of ``handed`` for this host and port. Closes the others: they would keep
    this process from binding to all addresses of the machine."""
    wanted, others = list[socket.socket](), list[socket.socket]()
    names = [address for _, address, _ in _addresses(host, port)]
    for each in handed:
        if each.type == socket.SOCK_STREAM:
            fits = any(taken([each], socket.SOCK_STREAM, name, port) for name in names)
            (wanted if fits else others).append(each)
    for each in others:
        each.close()
    return wanted
