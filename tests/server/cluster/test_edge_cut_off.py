"""An edge that loses NATS: what its listeners are told. Those of the hub go on."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from server.bus.hub_messages import Packet, Told
from server.client.participants import Listener, Speaker
from server.edge_front import EdgeServer
from server.media.relayed import Timeline
from signaling import messages as wire
from tests.helpers.edges import edge_of
from tests.helpers.nats import NatsProcess, nats_server
from tests.helpers.running import SILENT_BYTES, STAND_IN, tolk, tone
from tests.helpers.waiting import until

PATIENCE_S = 60.0


@dataclass
class Site:
    hub_url: str
    edge: EdgeServer
    nats: NatsProcess


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    with nats_server(tmp_path) as nats:
        bus = nats.server.url
        async with (
            tolk(tmp_path / "hub", STAND_IN, ready=False, bus=bus) as hub,
            edge_of(tmp_path / "edge", bus) as edge,
        ):
            yield Site(hub.url, edge, nats)


async def test_without_nats_nobody_is_told_that_a_stream_is_live(site: Site) -> None:
    async with (
        Speaker(site.hub_url, "hall", "nl") as speaker,
        Speaker(site.hub_url, "unheard", "nl"),
        Listener(site.edge.url, "hall", "floor", keep_sound=True) as listener,
    ):
        if listener.joined.state != "live":  # else it knows already
            await _told(listener, "live")
        await until(lambda: "unheard" in site.edge.origins.streams)
        since = len(listener.received)
        site.nats.kill()
        await _told(listener, "waiting", since)
        # That is before the link to the hub is given up, which takes its time. Who comes now:
        assert site.edge.origins.streams["hall"].state == "live"
        for name in ("hall", "unheard"):
            async with Listener(site.edge.url, name, "floor", audio="none") as late:
                assert late.joined.state == "waiting"
        since = len(listener.received)
        site.nats.start()
        await _heard(speaker, listener)
        await _told(listener, "live", since)


async def test_a_stream_that_goes_on_is_live_with_its_first_packet(site: Site) -> None:
    async with Listener(site.edge.url, "by_hand", "floor") as listener:
        relayed = next(iter(site.edge.live))
        for text in (b'{"type":"notice","text":"Coffee"}', b'{"type":"state","state":"live"}'):
            relayed.receive("hub", Told(stream="by_hand", now_ms=0, message=text))
        await _told(listener, "live")
        since = len(listener.received)
        for _ in range(2):
            relayed.cut_off()
        await _told(listener, "waiting", since)
        since = len(listener.received)
        relayed.play(Timeline(), "floor", Packet(tick=1, data=b"\xf8"))
        await _told(listener, "live", since)
        assert relayed.notices.posted == "Coffee"


async def _told(listener: Listener, state: str, since: int = 0) -> None:
    await listener.expect(
        wire.State, lambda told: told.state == state, since=since, within_s=PATIENCE_S
    )


async def _heard(speaker: Speaker, listener: Listener) -> None:
    """Speak until the listener hears it, from now on."""

    def loud() -> int:
        return sum(len(data) > SILENT_BYTES for _, data in listener.arrivals.payloads)

    before = loud()
    async with asyncio.timeout(PATIENCE_S):
        while loud() - before < 10:
            await speaker.play(tone(300))
