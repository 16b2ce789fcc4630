from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from server.app import Server
from tests.helpers.nats import NatsProcess, nats_server
from tests.helpers.running import STAND_IN, tolk


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server whose interpreter, a stand-in, is not waited for."""
    async with tolk(tmp_path, STAND_IN, ready=False) as running:
        yield running


@pytest.fixture
async def http(server: Server) -> AsyncIterator[aiohttp.ClientSession]:
    """Requests to the server: addresses begin with its own."""
    async with aiohttp.ClientSession(server.url) as session:
        yield session


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsProcess]:
    """A NATS server without users, for all tests."""
    with nats_server(tmp_path_factory.mktemp("nats")) as running:
        yield running
