"""A TCP relay that makes a server on this machine seem far away.

Each connection is slow to be made, by one round trip, as over a long line; each byte takes half a
round trip. The rate is not limited.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

BLOCK = 65_536


@dataclass
class Relayed:
    """``url``: where the server seems to be. ``bytes_down``: sent to clients so far."""

    url: str
    bytes_down: int = 0


@contextlib.asynccontextmanager
async def far_away(port: int, rtt_s: float) -> AsyncIterator[Relayed]:
    """Relay connections to 127.0.0.1:``port``. They end on leaving."""
    relayed = Relayed("")
    connections: set[asyncio.Task[None]] = set()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await asyncio.sleep(rtt_s)  # SYN and its answer
            there, back = await asyncio.open_connection("127.0.0.1", port)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(_carry(reader, back, rtt_s / 2, None))
                    both.create_task(_carry(there, writer, rtt_s / 2, relayed))
            finally:
                await _close(back)
        except* OSError:
            pass  # one side has hung up
        finally:
            await _close(writer)

    async with asyncio.TaskGroup() as group:

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = group.create_task(relay(reader, writer), name="relay")
            connections.add(task)
            task.add_done_callback(connections.discard)

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        relayed.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield relayed
        finally:
            server.close()
            for task in tuple(connections):
                task.cancel()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _carry(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    delay_s: float,
    counted: Relayed | None,
) -> None:
    """Write what is read, each block ``delay_s`` later. At most 64 blocks are under way."""
    loop = asyncio.get_running_loop()
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)

    async def read() -> None:
        while data := await reader.read(BLOCK):
            await under_way.put((loop.time() + delay_s, data))
        await under_way.put((loop.time() + delay_s, b""))

    async def write() -> None:
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                writer.close()
                return
            if counted is not None:
                counted.bytes_down += len(data)
            writer.write(data)
            await writer.drain()

    async with asyncio.TaskGroup() as group:
        group.create_task(read())
        group.create_task(write())
