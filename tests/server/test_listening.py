"""How connections are accepted."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack

import aiohttp
import pytest
from aiohttp import web

from server.http.sockets import ACCEPTED_AT_ONCE, listen

CROWD = 60


@pytest.fixture
async def runner() -> AsyncIterator[web.AppRunner]:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", hello)
    runner = web.AppRunner(app)
    await runner.setup()
    yield runner
    await runner.cleanup()


async def listened(runner: web.AppRunner, host: str) -> int:
    """Serve it on a free port, and return that."""
    port: int = (await listen(runner, host, 0))[0].getsockname()[1]
    return port


async def test_connections_of_a_crowd_are_accepted_a_few_at_a_time(runner: web.AppRunner) -> None:
    port = await listened(runner, "127.0.0.1")
    server = runner.server
    assert server is not None
    with ExitStack() as stack:
        for _ in range(CROWD):  # none is refused while the loop is busy
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=1))
        let_in = [0]
        async with asyncio.timeout(5):
            while let_in[-1] < CROWD:
                await asyncio.sleep(0)
                let_in.append(len(server.connections))
    steps = [after - before for before, after in zip(let_in, let_in[1:], strict=False)]
    assert max(steps) <= ACCEPTED_AT_ONCE


async def test_every_address_of_a_name_is_served(runner: web.AppRunner) -> None:
    port = await listened(runner, "localhost")
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/") as response:
        assert await response.text() == "hello"


async def test_a_port_in_use_is_named(runner: web.AppRunner) -> None:
    port = await listened(runner, "127.0.0.1")
    with pytest.raises(OSError, match=str(port)):
        await listen(runner, "127.0.0.1", port)


async def test_if_one_address_is_in_use_no_other_stays_open(
    runner: web.AppRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    hosts = ("127.0.0.1", "192.0.2.1")  # the second is no machine's: RFC 5737
    found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (host, port)) for host in hosts]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(OSError, match="192.0.2.1"):
        await listen(runner, "hall", port)
    with socket.create_server(("127.0.0.1", port)) as again:
        assert again.getsockname()[1] == port
