"""The relay that makes a server seem far away."""

import asyncio
import time

from tools.far_away import far_away

RTT_S = 0.1
PATIENCE_S = 10


async def test_a_connection_and_an_answer_take_a_round_trip_each_and_bytes_are_counted() -> None:
    hung_up = asyncio.Event()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, far_away(server.sockets[0].getsockname()[1], RTT_S) as relayed:
        port = int(relayed.url.rpartition(":")[2])
        began = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        assert time.monotonic() - began >= 2 * RTT_S
        began = time.monotonic()
        writer.write(b"again")
        assert await reader.readexactly(5) == b"again"
        assert RTT_S <= time.monotonic() - began
        assert relayed.bytes_down == 10
        writer.close()
        await writer.wait_closed()
        await asyncio.wait_for(hung_up.wait(), PATIENCE_S)
