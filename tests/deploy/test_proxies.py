"""Debian's nginx and Caddy, with the settings of ``deploy/``, before a server."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
import pytest_asyncio

from server.app import Server
from server.client.participants import Listener, Speaker
from signaling import messages as wire
from tests.helpers.programs import free_port
from tests.helpers.proxies import BELOW, caddy, nginx
from tests.helpers.running import STAND_IN, final, sound_arrived, tolk, tone
from tests.helpers.waiting import until
from tests.helpers.whip import Words, joined
from tools.events import first

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: For what a proxy without buffers passes on at once.
AT_ONCE_S = 10.0
OGG_PAGES = 25


@dataclass(frozen=True)
class Proxied:
    """A server, and how clients reach it through a proxy, perhaps below a ``path``."""

    server: Server
    site: str
    path: str
    http: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return self.site + self.path


WAYS = [(nginx, ""), (nginx, BELOW), (caddy, ""), (caddy, BELOW)]


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=WAYS,
    ids=[f"{proxy.__name__}{path}" for proxy, path in WAYS],
)
async def proxied(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Proxied]:
    proxy, path = request.param
    port = free_port()
    site = f"https://localhost:{port}"
    async with (
        tolk(
            tmp_path_factory.mktemp("state"),
            STAND_IN,
            speak_token="open",
            trusted_proxies=["127.0.0.1/32"],
            public_url=site + path if path else "",
        ) as server,
        proxy(tmp_path_factory.mktemp("proxy"), port, server.port, path),
        aiohttp.ClientSession(site, connector=aiohttp.TCPConnector(ssl=False)) as http,
    ):
        yield Proxied(server, site, path, http)


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
    async with proxied.http.get(f"{proxied.path}/listen/b") as page:
        assert page.status == 200
    async with proxied.http.get(f"{proxied.path}/qr/b.svg") as code:
        assert f"<title>{proxied.url}/listen/b</title>" in await code.text()
    async with proxied.http.ws_connect(f"{proxied.path}/ws/listen/b", origin=proxied.site):
        pass


async def test_whip_joins_and_leaves(proxied: Proxied) -> None:
    async with joined(proxied.http, f"{proxied.path}/whip/c?language=nl", Words()) as publisher:
        stream = proxied.server.manager.streams["c"]
        assert stream.speaker is not None
        async with proxied.http.delete(publisher.path) as goodbye:
            assert goodbye.status == 200
        await until(lambda: stream.speaker is None)


async def test_events_come_at_once(proxied: Proxied) -> None:
    async with (
        Speaker(proxied.url, "d", "nl", audio="socket", tls=False) as speaker,
        proxied.http.get(
            f"{proxied.path}/api/streams/d/captions", params={"language": "nl"}
        ) as response,
        asyncio.timeout(AT_ONCE_S),
    ):
        await first(response, "state")
        await speaker.play(tone(300))
        assert (await first(response, "caption")).data["text"] == "laag"


async def test_endless_sound_comes_at_once(proxied: Proxied) -> None:
    heard = b""
    async with (
        proxied.http.get(f"{proxied.path}/listen/e/floor.ogg") as response,
        asyncio.timeout(AT_ONCE_S),
    ):
        async for part in response.content.iter_any():
            heard += part
            if heard.count(b"OggS") >= OGG_PAGES:
                break
    assert heard.startswith(b"OggS")


async def test_metrics_are_not_for_everybody(proxied: Proxied) -> None:
    async with proxied.http.get(f"{proxied.path}/metrics") as response:
        assert response.status == 404
