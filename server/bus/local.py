"""The bus on one machine: a Unix socket between the media process and another process.

A frame is a 4-byte big-endian length and a MessagePack message of that length. Any process that
can open the socket is trusted, so the socket is in a folder that only this user may enter. An
invalid frame closes its connection and has no other effect. Sending never waits for the other side:
messages that it does not read in time are dropped, oldest first, and counted.
"""

import asyncio
import logging
import os
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, Generic, cast

import msgspec

from server.bus.messages import MAX_MESSAGE_BYTES, encode
from server.bus.protocol import BusClosed, M
from server.bus.queues import DropOldest

#: How long closing waits for the other process to read what was last written to it.
CLOSE_DEADLINE_S = 1.0
#: The longest path of a Unix socket, in bytes.
MAX_PATH_BYTES = 107

_LENGTH = struct.Struct(">I")
_log = logging.getLogger(__name__)


class LocalBus(Generic[M]):
    """A ``Bus`` over a Unix socket; made by ``listen`` or ``connect``."""

    def __init__(self, decode: Callable[[bytes], M]) -> None:
        self.decode: Final = decode
        self._inbound = DropOldest[M]()
        self._outbound = DropOldest[bytes]()
        self._arrived = asyncio.Event()
        self._connection: _Connection[M] | None = None
        self._closed = False

    @classmethod
    @asynccontextmanager
    async def listen(cls, path: Path, decode: Callable[[bytes], M]) -> AsyncIterator["LocalBus[M]"]:
        """The media process's side. One process at a time: a new one replaces the old.

        ``path``: of the socket, which is removed at the end. ``decode`` raises
        msgspec.DecodeError if its argument is no message.
        Raises PermissionError if other users may enter the folder.
        """
        if path.parent.stat().st_mode & 0o077:
            raise PermissionError(
                f"other users can enter {path.parent}; "
                "put the bus's socket in a folder with mode 0700"
            )
        bus = cls(decode)
        loop = asyncio.get_running_loop()
        with _short(path) as name:
            server = await loop.create_unix_server(lambda: _Connection(bus), name)
        try:
            yield bus
        finally:
            server.close()
            await bus._close()
            path.unlink(missing_ok=True)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, path: Path, decode: Callable[[bytes], M]
    ) -> AsyncIterator["LocalBus[M]"]:
        """The other process's side. Raises OSError if nobody listens at ``path``. If the media
        process disappears later, ``receive`` raises BusClosed."""
        bus = cls(decode)
        loop = asyncio.get_running_loop()
        with _short(path) as name:
            await loop.create_unix_connection(lambda: _Connection(bus, only=True), name)
        try:
            yield bus
        finally:
            await bus._close()

    @property
    def dropped(self) -> dict[str, int]:
        """Messages dropped so far, by queue: ``in`` and ``out``."""
        return {"in": self._inbound.dropped, "out": self._outbound.dropped}

    def publish(self, message: M) -> None:
        """See ``Bus.publish``. Raises ValueError if the message is too large."""
        frame = encode(message)
        if self._connection is None:
            self._outbound.dropped += 1
        else:
            self._outbound.push(frame, len(frame))
            self._connection.flush()

    async def receive(self) -> M:
        """See ``Bus.receive``. Raises BusClosed if the other end is gone and nothing is left."""
        while not self._inbound:
            if self._closed:
                raise BusClosed("the process at the other end of the bus is gone")
            self._arrived.clear()
            await self._arrived.wait()
        return self._inbound.pop()

    async def _close(self) -> None:
        self._closed = True
        self._arrived.set()
        if self._connection is not None:
            await self._connection.close()

    # Called by the connection.

    def _connected(self, connection: "_Connection[M]") -> None:
        if self._closed:
            connection.abort()
            return
        if self._connection is not None:
            self._connection.abort()
            self._outbound.drop_all()
        self._connection = connection

    def _disconnected(self, connection: "_Connection[M]", last: bool) -> None:
        if self._connection is not connection:
            return
        self._connection = None
        self._outbound.drop_all()
        if last:
            self._closed = True
            self._arrived.set()

    def _received(self, connection: "_Connection[M]", message: M, size: int) -> None:
        if self._connection is connection:
            self._inbound.push(message, size)
            self._arrived.set()


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name for ``path`` that fits into a socket's address. Folders for temporary files may have
    long names."""
    if len(os.fsencode(path)) <= MAX_PATH_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class _Connection(asyncio.Protocol, Generic[M]):
    """One connected socket: splits the received data into frames, and writes frames as long as
    the other side reads them. ``only``: the bus is closed when this connection is lost."""

    def __init__(self, bus: LocalBus[M], only: bool = False) -> None:
        self._bus = bus
        self._only = only
        self._buffer = bytearray()
        self._writable = True
        self._lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._bus._connected(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._lost.set()
        self._bus._disconnected(self, self._only)

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self.flush()

    def flush(self) -> None:
        queue = self._bus._outbound
        while self._writable and queue:
            frame = queue.pop()
            self._transport.write(_LENGTH.pack(len(frame)) + frame)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._buffer, start)
            if size > MAX_MESSAGE_BYTES:
                return self._refuse(f"a frame of {size} bytes; at most {MAX_MESSAGE_BYTES}")
            end = start + _LENGTH.size + size
            if len(self._buffer) < end:
                break
            try:
                message = self._bus.decode(bytes(self._buffer[start + _LENGTH.size : end]))
            except msgspec.DecodeError as error:
                return self._refuse(f"a frame that is not a message: {error}")
            self._bus._received(self, message, size)
            start = end
        del self._buffer[:start]

    def _refuse(self, why: str) -> None:
        _log.warning("bus connection closed: the other process sent %s", why)
        self.abort()

    def abort(self) -> None:
        self._transport.abort()

    async def close(self) -> None:
        """Send what was already given to the transport, then close."""
        self._transport.close()
        try:
            async with asyncio.timeout(CLOSE_DEADLINE_S):
                await self._lost.wait()
        except TimeoutError:
            self.abort()
            await self._lost.wait()
