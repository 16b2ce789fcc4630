"""Several machines, joined by NATS: builds what ``app`` needs for that. With ``app``, the only file
that names a bus. It is imported only if ``--bus`` is given."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from server import processes
from server.bus import addresses, hub_messages, messages
from server.bus.hub_messages import Announcement, EdgeOffer
from server.bus.local import LocalBus
from server.bus.nats import Links, NatsBus
from server.bus.nats_connection import Nats, machine_name
from server.bus.nats_records import NatsRecords
from server.bus.sound import SoundIn, SoundOut
from server.bus.spare import STANDBY, Spare
from server.bus.supervisor import Supervisor
from server.cluster import offers
from server.cluster.edges import Edges
from server.cluster.leases import Leases
from server.cluster.offers import Offer
from server.cluster.origins import Origins
from server.cluster.pool import Pool
from server.cluster.relay import Relay
from server.config import Config
from server.models.current import Current
from server.models.installed import STARTER, catalogue_of
from server.models.moving import Moves, folder_of

#: Why an interpreter ends: it was told to.
_STOP: Final = (signal.SIGINT, signal.SIGTERM)


@asynccontextmanager
async def hub(config: Config) -> AsyncIterator[Pool]:
    """The interpreters of all machines, for a server. Its ``run`` must be running."""
    async with Nats.opened(_servers(config), machine_name(), "hub") as nats:

        def offered(sender: str, payload: bytes) -> None:
            pool.offered(sender, offers.decode(payload))

        links = Links(nats, offered=offered)
        pool = Pool(lambda name: NatsBus.connect(links, name, messages.decode))
        pool.up = lambda: nats.up
        pool.leases = Leases(NatsRecords(nats), nats.name, config.public_url)
        yield pool


@asynccontextmanager
async def origin(config: Config) -> AsyncIterator[Edges]:
    """The edges, for a server. Its ``run`` must be running."""
    async with (
        Nats.opened(_servers(config), machine_name(), "origin", first_s=0) as nats,
        SoundOut.opened(nats) as sound,
    ):

        def offered(sender: str, payload: bytes) -> None:
            edges.offered(sender, hub_messages.decode_offer(payload))

        links = Links(nats, lambda edge: edges.knock(edge), offered)

        async def announce(announcement: Announcement) -> bool:
            return await links.offer(hub_messages.encode_announcement(announcement))

        edges = Edges(
            lambda edge: NatsBus.listen(links, edge, hub_messages.decode), announce, sound
        )
        edges.links_dropped = links.dropped
        yield edges


@asynccontextmanager
async def edge(config: Config) -> AsyncIterator[Origins]:
    """The hubs, for an edge. Its ``run`` must be running."""
    async with Nats.opened(_servers(config), machine_name(), "edge") as nats:

        def offered(sender: str, payload: bytes) -> None:
            origins.offered(sender, hub_messages.decode_announcement(payload))

        async def offer(made: EdgeOffer) -> None:
            await links.offer(hub_messages.encode_offer(made))

        links = Links(nats, offered=offered)
        sound = SoundIn(links)
        origins = Origins(
            lambda hub: NatsBus.connect(links, hub, hub_messages.decode), offer, sound.hear
        )
        sound.on_packet = lambda channel, packet: origins.on_packet(channel, packet)
        origins.sound_dropped = sound.dropped
        origins.up = lambda: nats.up
        origins.links_dropped = links.dropped
        yield origins


async def run_interpreter(config: Config) -> None:
    """Interpret for the servers on the bus, until SIGINT or SIGTERM. Raises ModelError."""
    state = Path(config.state)
    current = Current(catalogue_of(config.models, state, config.recognizer))
    proven = None if config.models else catalogue_of(STARTER, state)
    stopped = asyncio.Event()
    for number in _STOP:
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    with processes.scratch() as folder:
        async with (
            LocalBus.listen(folder / "bus", messages.decode) as own,
            Nats.opened(_servers(config), machine_name(), "interpreter") as nats,
            asyncio.TaskGroup() as group,
        ):
            links = Links(nats, lambda hub: relay.knock(hub))

            async def offer(made: Offer) -> bool:
                return await links.offer(offers.encode(made))

            relay = Relay(own, lambda hub: NatsBus.listen(links, hub, messages.decode), offer)

            def moved() -> None:
                if spare is not None:
                    spare.renew()

            moves = Moves(current, own.publish, proven, folder / "models.json", moved)

            def lost() -> None:
                moves.lost()
                supervisor.options = moves.options
                relay.lost()

            command = [*processes.worker(config, folder), "--socket", str(folder / "bus")]
            spare = Spare([*command, STANDBY]) if config.spare == "auto" else None
            supervisor = Supervisor(command, on_restart=lost, spare=spare)
            tasks = [
                group.create_task(relay.run(supervisor, moves), name="relay"),
                group.create_task(supervisor.run(), name="supervisor"),
                group.create_task(moves.watch(folder_of(config)), name="models"),
            ]
            print(f"Interprets for the servers on the bus, as {nats.name}.", flush=True)
            await stopped.wait()
            await relay.leave()
            for task in tasks:
                task.cancel()


def _servers(config: Config) -> list[addresses.NatsServer]:
    return addresses.parse(config.bus, config.bus_credentials)
