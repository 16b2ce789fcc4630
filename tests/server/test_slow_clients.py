"""Clients that ask for much over HTTP and take nothing, or little."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from server.front import runner
from server.http.sockets import listen
from tests.helpers.waiting import until

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#: More than the buffers of both sides hold.
MUCH = bytes(32_000_000)
DEADLINE_S = 30.0


@asynccontextmanager
async def served(take_s: float, handed: bool = False) -> AsyncIterator[tuple[web.Server, int]]:
    """What a server runs, with one large file; and its port."""

    async def much(request: web.Request) -> web.Response:
        return web.Response(body=MUCH)

    application = web.Application()
    application.router.add_get("/", much)
    serving = runner(application)
    await serving.setup()
    try:
        given = [socket.create_server(("127.0.0.1", 0))] if handed else []
        port = given[0].getsockname()[1] if given else 0
        (listening,) = await listen(serving, "127.0.0.1", port, handed=given, take_s=take_s)
        assert not given or listening is given[0]
        assert serving.server is not None
        yield serving.server, listening.getsockname()[1]
    finally:
        await serving.cleanup()


@pytest.mark.parametrize("handed", [False, True])
async def test_a_connection_that_takes_nothing_ends(handed: bool) -> None:
    async with served(1.0, handed) as (server, port):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(REQUEST)
            await until(lambda: len(server.connections) == 1)
            await until(lambda: not server.connections, DEADLINE_S)
