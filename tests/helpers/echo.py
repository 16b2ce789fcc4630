"""A UDP server that answers datagrams, and a client of it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from tools.impair import LOOPBACK, Address

DEADLINE_S = 5.0


class _Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._transport.sendto(data.upper(), addr)


@asynccontextmanager
async def echo() -> AsyncIterator[Address]:
    """Run a server that answers each datagram in capitals. Yields its address."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(_Echo, local_addr=(LOOPBACK, 0))
    try:
        yield transport.get_extra_info("sockname")
    finally:
        transport.close()


class Writer:
    """Sends datagrams to ``to`` and receives the answers in order."""

    def __init__(self, own: socket.socket, to: Address) -> None:
        self._own, self._to = own, to

    def write(self, *said: bytes) -> None:
        for each in said:
            self._own.sendto(each, self._to)

    async def hear(self, count: int = 1) -> list[bytes]:
        """Wait for the next answers."""
        heard = list[bytes]()
        async with asyncio.timeout(DEADLINE_S):
            while len(heard) < count:
                heard.append(await asyncio.get_running_loop().sock_recv(self._own, 100))
        return heard


@contextmanager
def writer(to: Address) -> Iterator[Writer]:
    with socket.socket(type=socket.SOCK_DGRAM) as own:
        own.setblocking(False)
        yield Writer(own, to)
