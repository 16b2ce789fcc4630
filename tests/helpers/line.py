"""A TCP connection to a NATS server that a test can cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from server.bus.addresses import NatsServer


class Line:
    """``server``: where the line is reached. ``cut``: nothing passes, and nobody is told, as when a
    cable is pulled; what was sent comes later. ``delay_s``: of each piece, each way. ``passed``:
    what has passed, both ways."""

    def __init__(self, to: NatsServer) -> None:
        self.server = to
        self.cut = False
        self.delay_s = 0.0
        self.passed = bytearray()
        self._to = to
        self._passing = set[asyncio.Task[None]]()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes on a connection, until it is closed at either end."""
        there, back = await asyncio.open_connection(self._to.host, self._to.port)
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._copy(reader, back), name="there")
                group.create_task(self._copy(there, writer), name="back")
        except asyncio.CancelledError:  # noqa: ASYNC103  ``close`` ends it, and nobody waits for it
            pass
        finally:
            self._passing.discard(task)
            for each in (writer, back):
                each.close()
                with suppress(ConnectionError):
                    await each.wait_closed()

    async def close(self) -> None:
        """End all connections."""
        while self._passing:
            for task in self._passing:
                task.cancel()
            await asyncio.sleep(0.01)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                await asyncio.sleep(self.delay_s)
                while self.cut:
                    await asyncio.sleep(0.02)
                self.passed += data
                writer.write(data)
                await writer.drain()
            writer.close()


@asynccontextmanager
async def line(to: NatsServer) -> AsyncIterator[Line]:
    """A line to a NATS server while the body runs."""
    made = Line(to)
    async with await asyncio.start_server(made.accept, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        made.server = NatsServer("127.0.0.1", port, tls=False, credentials=to.credentials)
        try:
            yield made
        finally:
            listening.close()
            await made.close()
