"""The composition root: what a running server consists of. The only place that names buses."""

import asyncio
import contextlib
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from server import banner, collecting, commands, netinfo, tls
from server.access import Access, load_secret
from server.admission import Admission
from server.bus.local import LocalBus
from server.bus.supervisor import Supervisor
from server.config import Config
from server.edge import worker as edge_worker
from server.edge.remote import Edge
from server.fetching import better_models
from server.glossaries import Glossaries
from server.glossary_api import GlossaryApi
from server.ice_servers import ice_servers
from server.interpretation import worker
from server.interpretation.shared import Limits
from server.listening import listen
from server.live_streams import LiveStreams
from server.media.pacer import Pacer
from server.media_plane import check_media, media_plane, offered_addresses
from server.metrics import Metrics
from server.models.catalogue import Catalogue
from server.models.current import Current, decoded
from server.models.installed import STARTER, catalogue_of
from server.moving import Moves, folder_of
from server.session import Sessions
from server.streams import ConnectionManager
from server.web import Web

logger = logging.getLogger(__name__)

#: A request's headers are here by then, or its connection is closed.
HEADERS_S = 10.0
#: Recognition gets so much longer than other stages: where it is cut off, sound is lost, and a
#: pass of Whisper's may have to wait for the cores.
PATIENCE = 3
#: From SIGTERM: sessions are told and get this long to end before they are cancelled.
GOODBYE_S = 1.5


@dataclass(frozen=True)
class Server:
    """A running server, for those who started it."""

    config: Config
    addresses: banner.Addresses
    port: int
    manager: ConnectionManager
    live: LiveStreams
    supervisor: Supervisor
    edges: Sequence[Edge]
    metrics: Metrics
    access: Access
    models: Current

    @property
    def url(self) -> str:
        """Its address on this machine."""
        scheme = "https" if self.config.has_tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}"


@contextlib.asynccontextmanager
async def running(
    config: Config, interpreter: Sequence[str] = (), fetch: Sequence[str] = ()
) -> AsyncIterator[Server]:
    """A server that takes connections; ended, with all its sessions, on leaving.

    ``interpreter``: another command that starts an interpreter process; ``--bus SOCKET`` is
    added to it. ``fetch``: another command that fetches better models.
    Raises ModelError or ConfigError before anything is started, OSError where the port is taken.
    """
    check_media()
    state = Path(config.state)
    models = Current(catalogue_of(config.models, state, config.recognizer))
    glossaries = glossaries_of(config, models)
    certificate = certificate_of(config)
    access = Access(
        load_secret(config.secret_file, state),
        open_speak=not config.speaking_needs_token,
        open_listen=config.listen_token == "open",
    )
    visitor = visitor_of(config)
    relays = ice_servers(config)
    hosts = offered_addresses(config)
    metrics = Metrics()
    manager = ConnectionManager(
        max_streams=config.max_streams,
        max_listeners=config.max_listeners,
        max_sessions_per_address=config.max_sessions_per_address,
    )
    pacer = Pacer(observe_lateness_s=metrics.send_late.observe)
    with ExitStack() as stack:
        plane = stack.enter_context(media_plane(config, hosts, metrics))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tolk-"))
        socket = Path(folder) / "bus"
        async with (
            LocalBus.listen(socket) as bus,
            asyncio.TaskGroup() as group,
            further_processes(config, Path(folder), metrics) as edges,
        ):
            live = LiveStreams(
                manager,
                bus,
                pacer,
                models,
                metrics,
                Admission(config.max_languages, len(os.sched_getaffinity(0))),
                config.demand_linger_s,
                glossaries,
            )
            proven = None if config.models else catalogue_of(STARTER, state)
            moves = Moves(
                models, bus.publish, proven, Path(folder) / "models.json", live.models_changed
            )

            def interpreter_lost() -> None:
                moves.lost()
                supervisor.options = moves.options
                live.interpreter_lost()

            supervisor = Supervisor(
                [*(interpreter or commands.worker(config)), "--bus", str(socket)],
                on_restart=interpreter_lost,
            )
            sessions = Sessions(
                manager,
                live,
                access,
                models,
                metrics,
                plane=plane,
                edges=edges,
                allowed_origins=config.allowed_origins,
                visitor=visitor,
                ice_servers=relays,
            )
            application = web.Application()

            def external_url(request: web.Request) -> str:
                return banner.shared_url(config, visitor(request), netinfo.lan_addresses())

            site = Web(manager, models, supervisor, edges, access, metrics, external_url)
            site.add_routes(application)
            GlossaryApi(glossaries, access, live.publish_glossary).add_routes(application)
            sessions.add_routes(application)
            runner = web.AppRunner(
                application,
                shutdown_timeout=GOODBYE_S,
                keepalive_timeout=HEADERS_S,
                access_log=None,
                handle_signals=False,
            )
            await runner.setup()
            tasks = [
                group.create_task(pacer.run(), name="pacer"),
                group.create_task(live.dispatch(supervisor, moves), name="dispatch"),
                group.create_task(moves.watch(folder_of(config.models, state)), name="models"),
                group.create_task(live.keep_house(), name="house-keeping"),
                group.create_task(supervisor.run(), name="supervisor"),
            ]
            better = better_models(
                config,
                models.catalogue,
                lambda: supervisor.ready,
                moves,
                fetch or commands.fetch(config),
            )
            tasks.append(group.create_task(better, name="fetch"))
            try:
                port = await listen(
                    runner, config.host, config.port, certificate.context if certificate else None
                )
                yield Server(
                    config=config,
                    addresses=banner.addresses(
                        config,
                        port,
                        access,
                        netinfo.lan_addresses(),
                        certificate.fingerprint if certificate else "",
                    ),
                    port=port,
                    manager=manager,
                    live=live,
                    supervisor=supervisor,
                    edges=edges,
                    metrics=metrics,
                    access=access,
                    models=models,
                )
            finally:
                manager.close()
                await runner.cleanup()
                for task in tasks:
                    task.cancel()


@contextlib.asynccontextmanager
async def further_processes(
    config: Config, folder: Path, metrics: Metrics
) -> AsyncIterator[Sequence[Edge]]:
    """The media processes beside this one, with the sockets of their buses in ``folder``; ended
    on leaving."""
    async with contextlib.AsyncExitStack() as stack:
        edges = []
        for number in range(1, config.media_processes):
            socket = folder / f"edge-{number}"
            bus = await stack.enter_async_context(LocalBus.listen(socket))
            command = [*commands.edge(config, number), "--bus", str(socket)]
            edges.append(Edge(number, bus, command, metrics))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        running = [group.create_task(each.run(), name=f"edge-{each.name}") for each in edges]
        try:
            yield edges
        finally:
            for task in running:
                task.cancel()


async def run_worker(config: Config, socket: Path, first: Path | None = None) -> None:
    """An interpreter process, until its server is gone or tells it to end. ``first``: a file with
    the models to begin with, in place of those of the settings."""
    given = [decoded(first.read_bytes())] if first else []

    def catalogue() -> Catalogue:
        return (
            given.pop()
            if given
            else catalogue_of(config.models, Path(config.state), config.recognizer)
        )

    async with LocalBus.connect(socket) as bus:
        limit_s = config.stage_timeout_s
        limits = Limits(recognize_s=PATIENCE * limit_s, translate_s=limit_s, synthesize_s=limit_s)
        await worker.run(bus, catalogue, device=config.device, limits=limits, policy=config.policy)


async def run_edge(config: Config, socket: Path) -> None:
    """A further media process, until its server is gone or tells it to end. Raises OSError where
    its UDP port is taken."""
    with media_plane(config, offered_addresses(config), Metrics()) as plane:
        async with LocalBus.connect(socket) as bus, collecting.when_idle(lambda: not plane.peers):
            await edge_worker.run(bus, plane)


def certificate_of(config: Config) -> tls.SelfSigned | None:
    """What HTTPS needs, or None for plain HTTP. Raises ConfigError."""
    if config.tls_cert:
        return tls.SelfSigned(tls.load(Path(config.tls_cert), Path(config.tls_key)), "")
    if config.tls == "self":
        public = urlsplit(config.public_url).hostname
        names = [*netinfo.names(config.host), *([public] if public else [])]
        return tls.self_signed(Path(config.state), names)
    return None


def glossaries_of(config: Config, models: Current) -> Glossaries:
    """Those of the configured folder. Raises ConfigError."""
    return Glossaries.load(
        config.glossaries, lambda: {*models.catalogue.recognizers, *models.catalogue.voices}
    )


def visitor_of(config: Config) -> Callable[[web.Request], netinfo.Visitor]:
    """Who asks, seen through the proxies that the host trusts. Raises ConfigError."""
    trusted = netinfo.parse_networks(config.trusted_proxies)

    def visitor(request: web.Request) -> netinfo.Visitor:
        return netinfo.visitor(
            request.headers, request.remote, request.scheme, request.host, trusted
        )

    return visitor
