"""The composition root: builds a running server from its parts. Only this file names a bus."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path

from aiohttp import web

from server import banner, garbage, processes
from server.bus import edge_messages, messages
from server.bus.local import LocalBus
from server.bus.protocol import Bus
from server.bus.supervisor import Supervisor
from server.config import Config
from server.edge import worker as edge_worker
from server.edge.remote import Edge
from server.http import netinfo
from server.http.glossary_api import GlossaryApi
from server.http.hosts import only_for
from server.http.malformed import request_log, well_formed
from server.http.recording_api import RecordingApi
from server.http.site import Web
from server.http.sockets import listen
from server.http.watching import Watching
from server.http.whip import WhipApi
from server.instance import Server
from server.interpretation import worker
from server.interpretation.shared import Limits
from server.media.pacer import Pacer
from server.media.plane import MediaPlane
from server.media_setup import media_plane, offered_addresses
from server.metrics import Metrics
from server.models.catalogue import Catalogue
from server.models.current import decoded
from server.models.fetching import better_models
from server.models.installed import catalogue_of
from server.models.moving import Moves, folder_of
from server.prepared import Prepared, prepared
from server.recording.recordings import recordings_of
from server.streams.admission import Admission
from server.streams.attendance import Attendance
from server.streams.guesses import Guesses
from server.streams.live_stream import StreamContext
from server.streams.live_streams import LiveStreams
from server.streams.over_http import OverHttp
from server.streams.registry import ConnectionManager
from server.streams.session import Sessions

__all__ = ["Server", "further_processes", "run_edge", "run_worker", "running"]

#: A connection is closed if a request's headers take longer.
HEADERS_S = 10.0
#: The time limit of recognition, as a multiple of the other stages' limit: cutting it off loses
#: audio, and a pass of Whisper may have to wait for cores.
PATIENCE = 3
#: After SIGTERM sessions are told, and have this long to end before they are cancelled.
GOODBYE_S = 1.5


@contextlib.asynccontextmanager
async def running(
    config: Config, interpreter: Sequence[str] = (), fetch: Sequence[str] = ()
) -> AsyncIterator[Server]:
    """Run a server that accepts connections. On leaving, it and all its sessions end.

    ``interpreter``: a command that starts an interpreter process, in place of the usual one;
    ``--bus SOCKET`` is added to it. ``fetch``: a command that fetches better models, in place of
    the usual one.
    Raises ModelError or ConfigError before anything is started, OSError if the port is in use.
    """
    given, metrics = prepared(config), Metrics()
    with (
        media_plane(config, given.hosts, metrics) as plane,
        tempfile.TemporaryDirectory(prefix="tolk-") as name,
    ):
        folder = Path(name)
        async with (
            LocalBus.listen(folder / "bus", messages.decode) as bus,
            asyncio.TaskGroup() as group,
            further_processes(config, folder, metrics) as edges,
        ):
            context = _context(config, given, bus, metrics)
            command = [*(interpreter or processes.worker(config, folder)), "--bus", f"{folder}/bus"]
            server = _server(config, given, context, edges, command, folder)
            sessions = _sessions(server, plane)
            whip = WhipApi(sessions)
            runner = _site(server, sessions, whip)
            await runner.setup()
            jobs = _jobs(server, whip, fetch or processes.fetch(config, folder))
            tasks = [group.create_task(job, name=name) for name, job in jobs.items()]
            try:
                tls = given.certificate.context if given.certificate else None
                server.port = await listen(runner, config.host, config.port, tls)
                yield server
            finally:
                server.manager.close()
                await runner.cleanup()
                await server.live.close()
                for task in tasks:
                    task.cancel()


def _context(
    config: Config, given: Prepared, bus: Bus[messages.Message], metrics: Metrics
) -> StreamContext:
    return StreamContext(
        bus=bus,
        pacer=Pacer(observe_lateness_s=metrics.send_late.observe),
        models=given.models,
        metrics=metrics,
        admission=Admission(config.max_languages, len(os.sched_getaffinity(0))),
        linger_s=config.demand_linger_s,
        recordings=recordings_of(config, metrics.recording_counts),
    )


def _server(
    config: Config,
    given: Prepared,
    context: StreamContext,
    edges: Sequence[Edge],
    command: Sequence[str],
    folder: Path,
) -> Server:
    """A server that is not started yet. ``command`` starts its interpreter. ``folder`` is for
    temporary files."""
    manager = ConnectionManager(
        max_streams=config.max_streams,
        max_listeners=config.max_listeners,
        max_sessions_per_address=config.max_sessions_per_address,
    )
    live = LiveStreams(manager, given.glossaries, context)
    moves = Moves(
        given.models,
        context.bus.publish,
        given.proven,
        folder / "models.json",
        live.models_changed,
    )

    def interpreter_lost() -> None:
        moves.lost()
        supervisor.options = moves.options
        live.interpreter_lost()

    supervisor = Supervisor(command, on_restart=interpreter_lost)
    return Server(config, given, context, manager, live, moves, supervisor, edges)


def _jobs(
    server: Server, whip: WhipApi, fetch: Sequence[str]
) -> dict[str, Coroutine[None, None, None]]:
    """The tasks that run as long as the server does, by name."""
    live, moves, supervisor = server.live, server.moves, server.supervisor
    return {
        "pacer": server.context.pacer.run(),
        "dispatch": live.dispatch(supervisor, moves),
        "models": moves.watch(folder_of(server.config)),
        "house-keeping": live.keep_house(),
        "supervisor": supervisor.run(),
        "whip": whip.run(),
        "fetch": better_models(
            server.config, server.models.catalogue, lambda: supervisor.ready, moves, fetch
        ),
    }


def _sessions(server: Server, plane: MediaPlane) -> Sessions:
    given = server.given
    attendance = Attendance(
        server.manager, server.live, server.access, given.models, server.metrics,
        Guesses(server.config.max_sessions_per_address),
    )  # fmt: skip
    return Sessions(
        server.manager, attendance, server.access, given.models, plane=plane, edges=server.edges,
        allowed_origins=server.config.allowed_origins, visitor=given.visitor,
        ice_servers=given.ice_servers,
    )  # fmt: skip


def _site(server: Server, sessions: Sessions, whip: WhipApi) -> web.AppRunner:
    """The pages, the API and the sessions of ``server``."""
    given = server.given
    own = only_for(given.own, given.visitor, server.metrics)
    application = web.Application(middlewares=[own, well_formed])

    def external_url(request: web.Request) -> str:
        return banner.shared_url(server.config, given.visitor(request), netinfo.lan_addresses())

    pages = Web(
        server.manager, given.models, server.supervisor, server.edges,
        server.metrics, external_url, Watching(server.access, given.metrics_from, given.visitor),
    )  # fmt: skip
    glossaries = GlossaryApi(given.glossaries, server.access, server.live.publish_glossary)
    over_http = OverHttp(sessions.attendance, given.visitor, server.config.allowed_origins)
    recordings = RecordingApi(server.context.recordings, server.access, server.live.recorder)
    for each in (pages, glossaries, recordings, sessions, over_http, whip):
        each.add_routes(application)
    return web.AppRunner(
        application,
        shutdown_timeout=GOODBYE_S,
        keepalive_timeout=HEADERS_S,
        access_log=None,
        logger=request_log(),
        handle_signals=False,
    )


@contextlib.asynccontextmanager
async def further_processes(
    config: Config, folder: Path, metrics: Metrics
) -> AsyncIterator[Sequence[Edge]]:
    """Run the media processes beside this one; end them on leaving. The sockets of their buses
    are in ``folder``."""
    async with contextlib.AsyncExitStack() as stack:
        edges = []
        for number in range(1, config.media_processes):
            socket = folder / f"edge-{number}"
            bus = await stack.enter_async_context(LocalBus.listen(socket, edge_messages.decode))
            command = [*processes.edge(config, folder, number), "--bus", str(socket)]
            edges.append(Edge(number, bus, command, metrics))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        running = [group.create_task(each.run(), name=f"edge-{each.name}") for each in edges]
        try:
            yield edges
        finally:
            for task in running:
                task.cancel()


async def run_worker(config: Config, socket: Path, first: Path | None = None) -> None:
    """Run an interpreter process until its server is gone or tells it to end. ``first``: a file
    that names the models to begin with, in place of those of the settings."""
    given = [decoded(first.read_bytes())] if first else []

    def catalogue() -> Catalogue:
        return (
            given.pop()
            if given
            else catalogue_of(config.models, Path(config.state), config.recognizer)
        )

    async with LocalBus.connect(socket, messages.decode) as bus:
        limit_s = config.stage_timeout_s
        limits = Limits(recognize_s=PATIENCE * limit_s, translate_s=limit_s, synthesize_s=limit_s)
        await worker.run(bus, catalogue, device=config.device, limits=limits, policy=config.policy)


async def run_edge(config: Config, socket: Path) -> None:
    """Run a further media process until its server is gone or tells it to end. Raises OSError if
    its UDP port is in use."""
    with media_plane(config, offered_addresses(config), Metrics()) as plane:
        async with (
            LocalBus.connect(socket, edge_messages.decode) as bus,
            garbage.when_idle(lambda: not plane.peers),
        ):
            await edge_worker.run(bus, plane)
