"""A hub leads listeners to edges, and each page knows where else it could listen. The edges are at
the addresses under which people reach them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import aiohttp
import pytest
import pytest_asyncio

from server.app import Server
from server.client.participants import Listener, Refused
from server.edge_front import EdgeServer
from server.http.others import Others
from signaling import messages as wire
from tests.helpers.edges import edge_of
from tests.helpers.nats import NatsProcess
from tests.helpers.running import STAND_IN, tolk
from tests.helpers.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

URLS = ("https://one.example", "https://two.example/tolk")


@dataclass
class Site:
    hub: Server
    edges: list[EdgeServer]
    stacks: list[AsyncExitStack]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(nats: NatsProcess, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    bus = nats.server.url
    async with AsyncExitStack() as stack:
        folder = tmp_path_factory.mktemp("hub")
        hub = await stack.enter_async_context(
            tolk(folder, STAND_IN, ready=False, bus=bus, spread="auto", roles=["hub", "edge"])
        )
        stacks = [await stack.enter_async_context(AsyncExitStack()) for _ in URLS]
        edges = [
            await each.enter_async_context(
                edge_of(tmp_path_factory.mktemp("edge"), bus, public_url=url)
            )
            for each, url in zip(stacks, URLS, strict=True)
        ]
        for edge in (hub, *edges):
            await until(lambda server=edge: {*server.given.others.best()} == {*URLS})  # type: ignore[misc]
        yield Site(hub, edges, stacks)


async def test_who_opens_a_listeners_address_is_led_to_an_edge(site: Site) -> None:
    async with aiohttp.ClientSession(site.hub.url) as http:
        best = site.hub.given.others.best("hall")[0]
        for _ in range(3):
            async with http.get("/listen/hall?language=en", allow_redirects=False) as response:
                assert response.status == 307
                assert response.headers["Location"] == f"{best}/listen/hall?language=en"
        async with http.get("/speak/hall", allow_redirects=False) as response:
            assert response.status == 200
    async with aiohttp.ClientSession(site.edges[0].url) as http:
        async with http.get("/listen/hall", allow_redirects=False) as response:
            assert response.status == 200


async def test_listeners_of_a_stream_stay_together_until_an_edge_has_its_share() -> None:
    others = Others()
    loads = {f"https://edge{number}.example": number for number in range(10)}
    others.know(loads)
    first = others.best("hall")[0]
    for count in range(2000):
        best = others.best("hall")[0]
        assert best == first or count + loads[first] >= 100
        others.sent(best)
        loads[best] += 1
    assert max(loads.values()) <= 1 + 1.25 * sum(loads.values()) / len(loads)
    assert len({others.best(f"hall{number}")[0] for number in range(40)}) > 3


async def test_a_page_is_told_where_else_it_can_listen_and_may_connect_there(site: Site) -> None:
    async with Listener(site.hub.url, "told", audio="none", captions=["en"]) as listener:
        assert {*listener.joined.others} == {*URLS}
    async with Listener(site.edges[0].url, "told", audio="none", captions=["en"]) as listener:
        assert listener.joined.others == [URLS[1]]
    async with aiohttp.ClientSession(site.edges[0].url) as http:
        async with http.get("/listen/told") as response:
            assert "wss://two.example" in response.headers["Content-Security-Policy"]
        for origin, status in (("https://two.example", 204), ("https://evil.example", 403)):
            async with http.post("/api/connect", headers={"Origin": origin}) as response:
                assert response.status == status


async def test_an_edge_that_ends_tells_its_listeners_where_to_go(site: Site) -> None:
    async with Listener(site.edges[0].url, "end", audio="none", captions=["en"]) as listener:
        leaving = asyncio.create_task(site.stacks[0].aclose(), name="leaving")
        with pytest.raises(Refused, match="elsewhere") as refused:
            await listener.expect(wire.Notice)
        assert refused.value.error is not None and refused.value.error.url == URLS[1]
        await leaving
        # It stays away, although its process runs until its listeners are gone.
    await until(lambda: site.hub.given.others.best() == [URLS[1]])
    # Its pages come to the other edge when they find that it is gone.
    async with aiohttp.ClientSession(site.edges[1].url) as http:
        await until(lambda: site.edges[1].given.others.best() == [URLS[1]])
        async with http.post("/api/connect", headers={"Origin": URLS[0]}) as response:
            assert response.status == 204


async def test_pages_of_a_lost_server_may_connect_for_an_hour() -> None:
    now_s = 0.0
    others = Others(["https://own.example"], clock=lambda: now_s)
    others.know({"https://one.example": 3}, ["https://hub.example"])
    now_s = 3000.0
    others.know({}, ["https://hub.example"])
    assert {"https://own.example", "https://one.example"} < {*others.origins}
    now_s = 3600.0
    others.know({})
    assert others.origins == ["https://own.example", "https://hub.example"]
    assert others.best() == []
