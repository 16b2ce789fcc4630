"""Debian's nginx and Caddy, with the settings of ``deploy/``, before a server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from server.app import Server
from server.client.participants import Listener, Speaker
from server.http.tls import self_signed
from signaling import messages as wire
from tests.helpers.events import first
from tests.helpers.programs import daemon, free_port
from tests.helpers.running import STAND_IN, final, sound_arrived, tolk, tone
from tests.helpers.waiting import until
from tests.helpers.whip import Words, joined

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEPLOY = Path(__file__).parents[2] / "deploy"
#: For what a proxy without buffers passes on at once.
AT_ONCE_S = 10.0
OGG_PAGES = 25


@asynccontextmanager
async def nginx(folder: Path, port: int, upstream: int) -> AsyncIterator[None]:
    """nginx with ``tolk.conf``, for which it needs a frame, other ports and a certificate."""
    self_signed(folder, ["localhost"])
    site = (DEPLOY / "nginx" / "tolk.conf").read_text(encoding="utf8")
    for given, ours in (
        ("127.0.0.1:8080", f"127.0.0.1:{upstream}"),
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("listen 443 ", f"listen 127.0.0.1:{port} "),
        ("/etc/nginx/tolk/fullchain.pem", f"{folder}/self-signed.pem"),
        ("/etc/nginx/tolk/key.pem", f"{folder}/self-signed.pem"),
    ):
        assert given in site
        site = site.replace(given, ours)
    (folder / "site.conf").write_text(site)
    paths = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; events {{}} http {{ access_log off;"
        + "".join(f"{name}_temp_path {folder}/{name};" for name in paths)
        + f"include {folder}/site.conf; }}"
    )
    command = ("nginx", "-c", folder / "nginx.conf", "-e", "stderr")
    async with daemon(*command, port=port, log=folder / "log"):
        yield


@asynccontextmanager
async def caddy(folder: Path, port: int, upstream: int) -> AsyncIterator[None]:
    """Caddy with ``Caddyfile``, as for a name that only this machine has."""
    site = (DEPLOY / "caddy" / "Caddyfile").read_text(encoding="utf8")
    assert "127.0.0.1:8080" in site
    site = site.replace("127.0.0.1:8080", f"127.0.0.1:{upstream}")
    options = "admin off\n skip_install_trust\n auto_https disable_redirects\n grace_period 1s"
    (folder / "Caddyfile").write_text(f"{{\n {options}\n}}\n{site}")
    command = ("caddy", "run", "--adapter", "caddyfile", "--config", folder / "Caddyfile")
    env = {
        "TOLK_NAME": f"https://localhost:{port}",
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    async with daemon(*command, port=port, log=folder / "log", env=env):
        yield


@dataclass(frozen=True)
class Proxied:
    """A server, and how clients reach it through a proxy."""

    server: Server
    url: str
    http: aiohttp.ClientSession


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[nginx, caddy])
async def proxied(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Proxied]:
    port, folder = free_port(), tmp_path_factory.mktemp("proxy")
    url = f"https://localhost:{port}"
    async with (
        tolk(
            tmp_path_factory.mktemp("state"), STAND_IN, trusted_proxies=["127.0.0.1/32"]
        ) as server,
        request.param(folder, port, server.port),
        aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(ssl=False)) as http,
    ):
        yield Proxied(server, url, http)


async def test_a_conversation_and_its_sound_go_over_the_websocket(proxied: Proxied) -> None:
    async with (
        Speaker(proxied.url, "a", "nl", audio="socket", tls=False) as speaker,
        Listener(
            proxied.url, "a", "en", captions=["en"], audio="socket", keep_sound=True, tls=False
        ) as listener,
    ):
        await speaker.play(tone(300))
        await listener.expect(wire.Caption, final("en", "low"))
        await sound_arrived(listener.arrivals)


async def test_the_server_knows_the_address_that_the_browser_used(proxied: Proxied) -> None:
    async with proxied.http.get("/listen/b") as page:
        assert page.status == 200
    async with proxied.http.get("/qr/b.svg") as code:
        assert f"<title>{proxied.url}/listen/b</title>" in await code.text()
    async with proxied.http.ws_connect("/ws/listen/b", origin=proxied.url):
        pass


async def test_whip_joins_and_leaves(proxied: Proxied) -> None:
    async with joined(proxied.http, "/whip/c?language=nl", Words()) as publisher:
        stream = proxied.server.manager.streams["c"]
        assert stream.speaker is not None
        async with proxied.http.delete(publisher.path) as goodbye:
            assert goodbye.status == 200
        await until(lambda: stream.speaker is None)


async def test_events_come_at_once(proxied: Proxied) -> None:
    async with (
        Speaker(proxied.url, "d", "nl", audio="socket", tls=False) as speaker,
        proxied.http.get("/api/streams/d/captions", params={"language": "nl"}) as response,
        asyncio.timeout(AT_ONCE_S),
    ):
        await first(response, "state")
        await speaker.play(tone(300))
        assert (await first(response, "caption")).data["text"] == "laag"


async def test_endless_sound_comes_at_once(proxied: Proxied) -> None:
    heard = b""
    async with proxied.http.get("/listen/e/floor.ogg") as response, asyncio.timeout(AT_ONCE_S):
        async for part in response.content.iter_any():
            heard += part
            if heard.count(b"OggS") >= OGG_PAGES:
                break
    assert heard.startswith(b"OggS")


async def test_metrics_are_not_for_everybody(proxied: Proxied) -> None:
    async with proxied.http.get("/metrics") as response:
        assert response.status == 404
