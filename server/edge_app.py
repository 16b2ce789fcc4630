"""Builds a running edge from its parts: a machine that serves listeners of streams that are at
hubs. Only this file and ``app`` build a server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from server import app, banner, garbage, machines
from server.bus.hub_messages import EdgeOffer
from server.cluster.origins import Origins
from server.config import Config
from server.edge.remote import Edge
from server.edge_front import EdgeServer, listening_of, site_of
from server.http import tls
from server.http.interfaces import own_addresses
from server.http.sockets import listen
from server.http.whip import WhipApi
from server.media.pacer import Pacer
from server.media_setup import media_plane
from server.metrics import Metrics
from server.models.catalogue import Catalogue
from server.models.current import Current
from server.prepared import Prepared, prepared
from server.processes import scratch
from server.streams.registry import ConnectionManager
from server.streams.relayed_streams import RelayedStreams

#: How long the start waits to hear of a hub, so that the first listeners find their languages.
FIRST_HUB_S = 2.0
OFFER_S = 1.0


@contextlib.asynccontextmanager
async def running(config: Config) -> AsyncIterator[EdgeServer]:
    """Run an edge that accepts connections. On leaving, it and all its sessions end. Raises
    ConfigError before anything is started, OSError if the port is in use."""
    given, metrics = prepared(config), Metrics()
    with (
        media_plane(config, given.hosts, metrics) as plane,
        scratch() as folder,
    ):
        async with (
            machines.edge(config) as origins,
            asyncio.TaskGroup() as group,
            app.further_processes(config, folder, metrics) as processes,
        ):
            pacer = Pacer(observe_lateness_s=metrics.send_late.observe)
            edge = _edge(config, given, origins, processes, pacer, metrics)
            listening = listening_of(edge, plane)
            whip = WhipApi(listening, listening.speaker)
            runner = site_of(edge, listening, whip)
            await runner.setup()
            jobs = {
                "pacer": pacer.run(),
                "hubs": origins.run(),
                "house-keeping": edge.live.keep_house(),
                "watch": edge.live.watch(),
                "whip": whip.run(),
                "certificate": tls.renewals(given.certificate, config.tls_cert, config.tls_key),
            }
            tasks = [group.create_task(job, name=name) for name, job in jobs.items()]
            others = group.create_task(_know_others(edge), name="others")
            try:
                await _heard_of_a_hub(origins)
                context = given.certificate.context if given.certificate else None
                sockets = await listen(runner, config.host, config.port, context)
                edge.port = int(sockets[0].getsockname()[1])
                if plane.port is not None:
                    plane.port.begin()
                async with garbage.when_idle(lambda: not plane.peers):
                    yield edge
            finally:
                others.cancel()  # or it would offer the edge again
                await origins.leave()
                edge.manager.close(edge.given.others.best(besides=config.public_url))
                await runner.cleanup()
                for task in tasks:
                    task.cancel()


def _edge(
    config: Config,
    given: Prepared,
    origins: Origins,
    processes: Sequence[Edge],
    pacer: Pacer,
    metrics: Metrics,
) -> EdgeServer:
    manager = ConnectionManager(
        max_streams=config.max_streams,
        max_listeners=config.max_listeners,
        max_sessions_per_address=config.max_sessions_per_address,
    )
    models = Current(Catalogue(Path("/"), []))
    live = RelayedStreams(manager, origins, models, pacer, metrics)

    def offer(known: list[Catalogue]) -> None:
        every = {each.name: each for one in known for each in one.models}
        models.catalogue = Catalogue(Path("/"), list(every.values()))
        live.models_changed()

    origins.on_models = offer
    metrics.add_hubs(lambda: len(origins.names), lambda: origins.up())
    return EdgeServer(config, given, manager, processes, metrics, models, origins, live)


async def _know_others(edge: EdgeServer) -> None:
    """Once a second, until cancelled: say how many listen here, and learn how many do elsewhere."""
    while True:
        listeners = sum(each.listening for each in edge.manager.streams.values())
        edge.origins.offer = EdgeOffer(edge.config.public_url, listeners)
        edge.given.others.know(edge.origins.loads, edge.origins.urls)
        await asyncio.sleep(OFFER_S)


async def _heard_of_a_hub(origins: Origins) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FIRST_HUB_S):
            while not origins.ready:
                await asyncio.sleep(0.02)


def text(edge: EdgeServer) -> str:
    """What is printed at the start."""
    own = [each.address for each in own_addresses()]
    base = banner.base_url(edge.config, edge.port, own)
    return f"\nTolk is listening, as an edge.\n  Listen:  {base}/listen/{banner.STREAM}"
