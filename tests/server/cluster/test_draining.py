"""An operator sees the machines, and empties one while somebody speaks. One is made by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from server.bus.messages import AudioChunk, Demand, Drain, Heartbeat, Message, Models, decode
from server.bus.nats import Links, NatsBus
from server.bus.nats_connection import Nats
from server.client.participants import Listener, Speaker
from server.cluster import offers
from server.cluster.offers import Offer
from server.models.current import encoded
from signaling import messages as wire
from tests.helpers.nats import NatsProcess
from tests.helpers.running import final, tone
from tests.helpers.waiting import until
from tests.server.cluster.test_own import joined
from tests.server.test_operate import asked, watching


@dataclass
class Booth:
    """A machine made by hand. ``got``: what it was sent."""

    got: list[Message] = field(default_factory=list)
    draining: bool = False

    async def run(self, hub: str, links: Links, manifest: bytes) -> None:
        async with NatsBus[Message].listen(links, hub, decode) as bus, asyncio.TaskGroup() as group:
            group.create_task(self._read(bus))
            await until(lambda: bus.is_linked)
            bus.publish(Models(version="1", manifest=manifest))
            while True:
                bus.publish(Heartbeat(stream="", epoch=0, worker="1", ready=True, version="1"))
                await links.offer(offers.encode(Offer(64, draining=self.draining)))
                await asyncio.sleep(0.2)

    async def _read(self, bus: NatsBus[Message]) -> None:
        while True:
            message = await bus.receive()
            self.got.append(message)
            if isinstance(message, Drain):
                self.draining = message.on

    def hears(self) -> bool:
        """Whether the last demand for the stream asks it for something."""
        demands = [each for each in self.got if isinstance(each, Demand)]
        return bool(demands) and demands[-1].captions


@asynccontextmanager
async def booth(nats: NatsProcess, manifest: bytes) -> AsyncIterator[Booth]:
    made, hubs = Booth(), asyncio.Queue[str]()
    async with Nats.opened([nats.server], "booth", "interpreter") as opened:
        links = Links(opened, hubs.put_nowait)
        await links.offer(offers.encode(Offer(64)))
        async with asyncio.TaskGroup() as group:
            task = group.create_task(made.run(await hubs.get(), links, manifest))
            yield made
            task.cancel()


async def test_an_operator_empties_a_machine_and_takes_it_back(
    nats: NatsProcess, tmp_path: Path
) -> None:
    async with (
        joined(tmp_path, nats.server.url) as server,
        Speaker(server.url, "hall", "nl") as speaker,
        Listener(server.url, "hall", "en", captions=["en"]) as listener,
        watching(server) as operator,
    ):
        await listener.expect(wire.ChannelState, lambda told: told.status == "live")
        await speaker.play(tone(300))
        await listener.expect(wire.Caption, final("en", "low"))
        async with booth(nats, encoded(server.models.catalogue)) as other:
            await operator.sees(lambda state: len(state["machines"]) == 2)
            (here,) = {*operator.state["machines"]} - {"booth"}
            shown = operator.state["machines"]
            assert shown[here]["streams"] == {"hall": ["en"]} and shown["booth"]["streams"] == {}
            assert shown[here]["roles"] == ["hub", "edge", "interpreter"]
            assert (shown["booth"]["cores"], shown["booth"]["draining"]) == (64, False)

            drain = f"machines/{shown[here]['drains']}/drain"
            assert await asked(server, drain, {"on": True}) == (200, {"draining": True})
            await operator.sees(lambda state: state["machines"]["booth"]["streams"])
            await until(other.hears)
            await speaker.play(tone(300))
            await until(lambda: any(isinstance(each, AudioChunk) for each in other.got))
            assert operator.state["machines"][here]["draining"]

            await asked(server, drain, {"on": False})
            assert await asked(server, "machines/booth/drain", {"on": True}) == (
                200,
                {"draining": True},
            )
            since = len(listener.received)
            await operator.sees(lambda state: not state["machines"]["booth"]["streams"])
            await until(lambda: not other.hears())
            await speaker.play(tone(300))
            await listener.expect(wire.Caption, final("en", "low"), since=since)


async def test_only_an_operator_of_all_streams_empties_machines(
    nats: NatsProcess, tmp_path: Path
) -> None:
    async with joined(tmp_path, nats.server.url) as server:
        status, refused = await asked(server, "machines/own/drain", {"on": True}, stream="hall")
        assert (status, refused["code"]) == (403, "forbidden")
        status, refused = await asked(server, "machines/nobody/drain", {"on": True})
        assert (status, refused["code"]) == (400, "bad_message")
        async with watching(server, "?stream=hall", stream="hall") as operator:
            assert operator.state["machines"] == {}
