"""A server with an interpreter of its own, joined to others. The interpreters are stand-ins."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from server.app import Server
from server.bus.messages import Demand, Heartbeat, Message, Models, decode
from server.bus.nats import Links, NatsBus
from server.bus.nats_connection import Nats
from server.client.participants import Listener, Speaker
from server.cluster import offers
from server.cluster.offers import Offer
from server.cluster.pool import Pool
from server.models.catalogue import Catalogue, Model
from server.models.current import encoded
from signaling import messages as wire
from tests.helpers.nats import NatsProcess
from tests.helpers.running import STAND_IN, final, models_of_several, sound_arrived, tolk, tone
from tests.helpers.waiting import until

SPANISH = [
    Model(name="hears", kind="recognizer", path="/", licence="", files={}, languages=["es"]),
    Model(name="turns", kind="translation", path="/", licence="", files={}, pairs=[("es", "nl")]),
    Model(name="says", kind="voice", path="/", licence="", files={}, languages=["nl"]),
]


@asynccontextmanager
async def joined(folder: Path, bus: str) -> AsyncIterator[Server]:
    models = models_of_several(folder)
    command = [*STAND_IN, "--models", str(models)]
    async with tolk(folder, command, ready=False, bus=bus, models=str(models)) as server:
        await until(lambda: server.interpreters.ready, 30)
        yield server


async def test_without_nats_a_server_interprets_by_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        joined(tmp_path, "nats://127.0.0.1:1") as server,
        Speaker(server.url, "hall", "nl") as speaker,
        Listener(server.url, "hall", "en", captions=["en"], keep_sound=True) as listener,
    ):
        await listener.expect(
            wire.ChannelState, lambda told: (told.channel, told.status) == ("en", "live")
        )
        await speaker.play(tone(300))
        await listener.expect(wire.Caption, final("en", "low"))
        await sound_arrived(listener.arrivals)
    assert "NATS at 127.0.0.1:1 cannot be reached" in caplog.text
    assert caplog.text.count("NATS at 127.0.0.1:1 cannot") == 1  # said once


async def test_the_languages_of_another_machine_are_offered_and_go_there(
    nats: NatsProcess, tmp_path: Path
) -> None:
    """The other machine is made by hand."""
    asked: list[Message] = []

    async def serve(links: Links, hub: str) -> None:
        manifest = encoded(Catalogue(Path("/"), SPANISH))
        async with NatsBus[Message].listen(links, hub, decode) as bus:
            await until(lambda: bus.is_linked)
            bus.publish(Models(version="es", manifest=manifest))
            bus.publish(Heartbeat(stream="", epoch=0, worker="es", ready=True, version="es"))
            while True:
                asked.append(await bus.receive())

    hubs = asyncio.Queue[str]()
    async with (
        joined(tmp_path, nats.server.url) as server,
        Nats.opened([nats.server], "madrid", "interpreter") as booth,
        asyncio.TaskGroup() as group,
    ):
        pool = server.interpreters
        assert isinstance(pool, Pool) and "es" not in server.models.catalogue.sources
        links = Links(booth, hubs.put_nowait)
        await links.offer(offers.encode(Offer(4)))
        task = group.create_task(serve(links, await hubs.get()))
        await until(lambda: len(pool.names) == 2)
        assert {"es", "nl", "en"} <= {*server.models.catalogue.sources}
        async with Speaker(server.url, "sala", "es"), Speaker(server.url, "hall", "nl"):
            async with Listener(server.url, "sala", "nl"):
                wanted = ("sala", ("nl",))
                await until(
                    lambda: wanted in [(e.stream, e.speech) for e in asked if isinstance(e, Demand)]
                )
        assert {each.stream for each in asked} == {"sala"}
        task.cancel()
