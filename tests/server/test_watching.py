"""Metrics and the list of streams are for operators, this machine, and networks that are named."""

import aiohttp
import pytest

from server.app import Server
from tests.helpers.running import shared_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

WATCHED = ("/metrics", "/api/streams")
#: Addresses that a trusted proxy names.
ELSEWHERE = {"X-Forwarded-For": "198.51.100.9"}
MONITORING = {"X-Forwarded-For": "192.0.2.77"}


#: A server behind a proxy, with a network that may see its metrics.
server = shared_server(
    trusted_proxies=["127.0.0.1"],
    metrics_from=["192.0.2.0/24"],
    public_url="https://tolk.example",
)


async def statuses(server: Server, headers: dict[str, str]) -> set[int]:
    found = set()
    async with aiohttp.ClientSession(server.url) as http:
        for path in WATCHED:
            async with http.get(path, headers=headers) as response:
                found.add(response.status)
                if response.status != 200:
                    assert "tolk_" not in await response.text()
    return found


async def test_this_machine_needs_no_token(server: Server) -> None:
    assert await statuses(server, {}) == {200}


@pytest.mark.parametrize(
    "headers",
    [
        ELSEWHERE,
        {"Host": "tolk.example"},
        {"X-Forwarded-Host": "tolk.example"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"X-Real-IP": "198.51.100.9"},
        {"Forwarded": "for=198.51.100.9"},
    ],
)
async def test_whoever_comes_through_a_proxy_needs_one(
    server: Server, headers: dict[str, str]
) -> None:
    assert await statuses(server, headers) == {401}


async def test_a_named_network_needs_no_token(server: Server) -> None:
    assert await statuses(server, MONITORING) == {200}


@pytest.mark.parametrize(
    ("rights", "status"),
    [
        ({"operate": True}, 200),
        ({"admin": True}, 200),
        ({"speak": True, "listen": True, "take_over": True}, 403),
        ({"operate": True, "stream": "hall"}, 403),
        ({"operate": True, "valid_s": -60}, 401),
    ],
)
async def test_only_an_operator_s_token_counts(
    server: Server, rights: dict[str, object], status: int
) -> None:
    token = server.access.issue(**{"valid_s": 60, **rights})  # type: ignore[arg-type]
    headers = {"Authorization": f"Bearer {token}", **ELSEWHERE}
    assert await statuses(server, headers) == {status}


async def test_everybody_else_gets_what_pages_need(server: Server) -> None:
    async with aiohttp.ClientSession(server.url) as http:
        for path in ("/", "/listen/hall", "/api/languages", "/healthz", "/qr/hall.svg"):
            async with http.get(path, headers=ELSEWHERE) as response:
                assert response.status == 200, path
