"""A page of another site whose name leads to this machine (DNS rebinding) gets nothing."""

import asyncio
import logging
import socket
from pathlib import Path

import aiohttp
import pytest

from server.app import Server
from server.config import Config
from server.http.hosts import own_hosts
from server.http.netinfo import lan_addresses
from signaling import origins
from signaling.rates import Bucket
from tests.helpers.running import STAND_IN, shared_server, tolk

EVIL = "evil.example"
SETTINGS = Config(
    host="0.0.0.0",
    public_url="https://tolk.example/room",
    allowed_origins=["https://site.example:8443"],
    ice_addresses=["203.0.113.7", "2001:db8::7"],
)
#: For tests of the shared server.
in_module = pytest.mark.asyncio(loop_scope="module")
CERTIFIED = ["*.hall.example", "Stage.example"]


#: A server behind a trusted proxy, with a public URL, as most are.
shared = shared_server(
    trusted_proxies=["127.0.0.1/32"],
    allowed_origins=["https://site.example"],
)


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST:1", "localhost.", "tolk.localhost", "127.0.0.1:8080", "127.9.9.9",
        "[::1]:80", "tolk.example", "Tolk.Example:443", "site.example", "203.0.113.7:9",
        "[2001:DB8:0::7]", "[::ffff:203.0.113.7]", "a.hall.example", "stage.example",
        "192.0.2.44", f"{socket.gethostname()}:8080", *lan_addresses()[:1],
    ],
)  # fmt: skip
def test_our_names_are_ours(host: str) -> None:
    shown = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
    assert own_hosts(SETTINGS, CERTIFIED).include(shown, local="192.0.2.44")


@pytest.mark.parametrize(
    "host",
    [
        EVIL, "evil", "", "localhost.evil.example", "evil.example:localhost", "127.0.0.1.evil.com",
        "tolk.example.evil.example", "eviltolk.example", "hall.example", "a.b.hall.example",
        "192.0.2.45", "[2001:db8::8]", "0.0.0.0:8080", "[::]", "localhost:99999", "localhost@evil",
        "evil/localhost", "*.hall.example", ".", "local host",
    ],
)  # fmt: skip
def test_other_names_are_not(host: str) -> None:
    assert not own_hosts(SETTINGS, CERTIFIED).include(host, local="192.0.2.44")


@in_module
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/static/js/listen.js"),
        ("GET", "/qr/hall.svg"),
        ("GET", "/api/languages"),
        ("GET", "/api/streams"),
        ("GET", "/api/streams/hall/glossary"),
        ("PUT", "/api/streams/hall/glossary"),
        ("DELETE", "/api/streams/hall/glossary"),
        ("GET", "/api/streams/hall/captions?language=en"),
        ("GET", "/captions/hall/en.vtt"),
        ("GET", "/listen/hall/floor.ogg"),
        ("POST", "/whip/hall"),
        ("OPTIONS", "/whep/hall"),
        ("DELETE", "/whep/hall/session"),
        ("GET", "/metrics"),
        ("GET", "/readyz"),
        ("GET", "/ws/speak/hall"),
        ("GET", "/nowhere"),
    ],
)
async def test_a_foreign_name_gets_nothing_anywhere(shared: Server, method: str, path: str) -> None:
    for headers in (
        {"Host": EVIL, "Origin": f"http://{EVIL}"},
        {"Host": EVIL},
        {"Host": EVIL, "X-Forwarded-Host": "localhost"},
        {"Host": f"localhost:{shared.port}", "X-Forwarded-Host": EVIL},
    ):
        async with (
            aiohttp.ClientSession(shared.url) as http,
            http.request(method, path, headers=headers, data="{}") as response,
        ):
            assert response.status == 421, headers
            answer = f"{response.headers} {await response.text()}"
        assert "evil" not in answer.lower()
        assert "Access-Control-Allow-Origin" not in answer


@in_module
@pytest.mark.parametrize("path", ["/ws", "/ws/speak/hall", "/ws/listen/hall"])
async def test_a_foreign_name_gets_no_socket(shared: Server, path: str) -> None:
    headers = {"Host": EVIL, "Origin": f"http://{EVIL}"}
    async with aiohttp.ClientSession(shared.url) as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(path, headers=headers)
    assert refused.value.status == 421


@in_module
async def test_two_names_in_one_request_are_refused(shared: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
    assert (await reader.readline()).split()[1] in (b"400", b"421")
    writer.close()


@in_module
async def test_a_probe_without_a_name_is_answered(shared: Server) -> None:
    for path in (b"/healthz", b"/qr/hall.svg"):
        reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
        writer.write(b"GET " + path + b" HTTP/1.0\r\n\r\n")
        assert (await reader.readline()).split()[1] == b"200"
        writer.close()


@in_module
async def test_through_a_proxy_pages_and_sockets_work_under_an_allowed_name(
    shared: Server,
) -> None:
    """The proxy names itself, as nginx does, or passes the name on, as Caddy does."""
    origin = {"Origin": "https://site.example"}
    for headers in (
        {"X-Forwarded-Host": "site.example", "X-Forwarded-Proto": "https", **origin},
        {"Host": "site.example", "X-Forwarded-Host": "site.example", **origin},
        {"Host": "site.example", **origin},
    ):
        async with aiohttp.ClientSession(shared.url) as http:
            async with http.get("/qr/hall.svg", headers=headers) as response:
                assert "://site.example/listen/hall" in await response.text()
            async with http.ws_connect("/ws/listen/hall", headers=headers) as connection:
                assert not connection.closed


@pytest.mark.skipif(not lan_addresses(), reason="this machine has no address for others")
async def test_a_phone_comes_by_address(tmp_path: Path) -> None:
    address = lan_addresses()[0]
    async with (
        tolk(tmp_path, STAND_IN, ready=False, host="0.0.0.0") as server,
        aiohttp.ClientSession(f"http://{address}:{server.port}") as http,
    ):
        origin = {"Origin": f"http://{address}:{server.port}"}
        async with http.get("/qr/hall.svg") as response:
            assert f"http://{address}:{server.port}/listen/hall" in await response.text()
        async with http.ws_connect("/ws/listen/hall", headers=origin) as connection:
            assert not connection.closed


async def test_pages_of_the_public_url_connect_through_a_proxy_that_names_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origins, "LINES", Bucket(1, 10))  # no other test has used it up
    url = "https://tolk.example:443/room"
    async with (
        tolk(tmp_path, STAND_IN, ready=False, public_url=url) as server,
        aiohttp.ClientSession(server.url) as http,
    ):
        for headers in (
            {"Origin": "https://tolk.example"},
            {"Origin": "https://tolk.example", "Host": "tolk.example:443"},
        ):
            async with http.ws_connect("/ws/listen/hall", headers=headers) as connection:
                assert not connection.closed
            async with http.post("/api/connect", headers=headers) as answer:
                assert answer.status == 204
        async with http.post("/api/connect", headers={"Origin": "https://a.example"}) as answer:
            assert answer.status == 403
            assert "--public-url" in await answer.text()
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            for headers in ({"Origin": "https://other.example"}, {"Host": EVIL}):
                with pytest.raises(aiohttp.WSServerHandshakeError):
                    await http.ws_connect("/ws/listen/hall", headers=headers)
    assert "a page of another address was not allowed to connect" in caplog.text
    assert "a request for another server's name was refused" in caplog.text
    assert caplog.text.count("--public-url") == 2
