"""The composition root: builds a running server from its parts. Only this file names a bus; that
of several machines is in ``machines``."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path

from aiohttp import web

from server import garbage, joining, processes
from server.bus import edge_messages, messages
from server.bus.local import LocalBus
from server.bus.protocol import Bus
from server.bus.spare import STANDBY, Spare
from server.bus.supervisor import Supervisor
from server.cluster.pool import OWN, Pool
from server.config import Config
from server.edge import worker as edge_worker
from server.edge.remote import Edge
from server.front import sessions_of, site_of
from server.http import tls
from server.http.sockets import listen
from server.http.whip import WhipApi
from server.instance import Server
from server.interpretation import process
from server.interpretation.shared import Engines, Limits
from server.media.pacer import Pacer
from server.media.plane import MediaPlane
from server.media_setup import media_plane, offered_addresses
from server.metrics import Metrics
from server.models.catalogue import Catalogue
from server.models.current import decoded
from server.models.fetching import better_models
from server.models.installed import catalogue_of
from server.models.moving import Moves, folder_of
from server.operate.board import Board
from server.prepared import Prepared, prepared
from server.recording.recordings import recordings_of
from server.streams.context import StreamContext
from server.streams.live_streams import LiveStreams
from server.streams.registry import ConnectionManager
from server.succession import Predecessor

__all__ = ["Server", "further_processes", "run_edge", "run_worker", "running"]

#: The time limit of recognition, as a multiple of the other stages' limit: cutting it off loses
#: audio, and a pass of Whisper may have to wait for cores.
PATIENCE = 3
#: An edge waits so long for its port: the one before it may still have it.
FREE_S = 5.0
TRY_S = 0.1


@contextlib.asynccontextmanager
async def running(
    config: Config,
    interpreter: Sequence[str] = (),
    fetch: Sequence[str] = (),
    before: Predecessor | None = None,
) -> AsyncIterator[Server]:
    """Run a server that accepts connections. On leaving, it and all its sessions end.

    ``interpreter``: a command that starts an interpreter process, in place of the usual one;
    ``--socket SOCKET`` is added to it. ``fetch``: a command that fetches better models, in place of
    the usual one. ``before``: the process whose place this server takes, once its interpreter is
    ready.
    Raises ModelError or ConfigError before anything is started, OSError if the port is in use.
    """
    given, metrics, begin = prepared(config), Metrics(), asyncio.Event()
    handed = before.sockets if before else ()
    with (
        media_plane(config, given.hosts, metrics, handed) as plane,
        processes.scratch() as folder,
    ):
        async with (
            LocalBus.listen(folder / "bus", messages.decode) as own,
            joining.all_machines(config) as pool,
            asyncio.TaskGroup() as group,
            further_processes(config, folder, metrics, begin) as edges,
        ):
            shared = _context(config, given, pool or own, metrics)
            started = interpreter or processes.worker(config, folder)
            command = [*started, "--socket", f"{folder}/bus"]
            server = _server(config, given, shared, edges, command, folder, pool)
            sessions = sessions_of(server, plane)
            whip = WhipApi(sessions, sessions.speaker)
            runner = site_of(server, sessions, whip)
            await runner.setup()
            jobs = _jobs(server, whip, fetch or processes.fetch(config, folder))
            jobs |= joining.jobs(pool, config, own, server.supervisor, sessions)
            tasks = [group.create_task(job, name=name) for name, job in jobs.items()]
            try:
                if before:
                    await before.make_way(lambda: server.interpreters.ready)
                begin.set()
                await _open(server, runner, plane, handed)
                yield server
            finally:
                server.manager.close()
                await runner.cleanup()
                await server.live.close()
                for task in tasks:
                    task.cancel()


async def _open(
    server: Server, runner: web.AppRunner, plane: MediaPlane, handed: Sequence[socket.socket]
) -> None:
    """Let participants and their sound in."""
    given, config = server.given, server.config
    context = given.certificate.context if given.certificate else None
    listening = await listen(runner, config.host, config.port, context, handed)
    server.port = int(listening[0].getsockname()[1])
    server.sockets = listening
    if plane.port is not None:
        server.sockets = [*listening, *plane.port.sockets]
        plane.port.begin()
    for each in handed:
        if each not in server.sockets:  # the settings have changed
            each.close()

    async def leave() -> None:
        for site in list(runner.sites):
            await site.stop()
        if plane.port is not None:
            plane.port.leave()

    server.leave = leave


def _context(
    config: Config, given: Prepared, bus: Bus[messages.Message], metrics: Metrics
) -> StreamContext:
    return StreamContext(
        bus=bus,
        pacer=Pacer(observe_lateness_s=metrics.send_late.observe),
        models=given.models,
        metrics=metrics,
        admission=joining.admission(config),
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
    pool: Pool | None,
) -> Server:
    """A server that is not started yet. ``command`` starts its interpreter, ``folder`` is for
    temporary files, ``pool`` has the interpreters of several machines."""
    manager = ConnectionManager(
        max_streams=config.max_streams,
        max_listeners=config.max_listeners,
        max_sessions_per_address=config.max_sessions_per_address,
    )
    live = LiveStreams(manager, given.glossaries, context)
    moves = Moves(
        joining.own_models(pool, given.models),
        context.bus.publish,
        given.proven,
        folder / "models.json",
        lambda: moved(),
    )
    spare = Spare([*command, STANDBY]) if config.spare == "auto" else None
    if spare is not None:
        context.metrics.interpreter_spare.set_function(lambda: spare.ready)

    def interpreter_lost() -> None:
        moves.lost()
        supervisor.options = moves.options
        if pool:
            pool.lost(OWN, supervisor.why_lost)
        else:
            live.interpreter_lost()
        context.logbook.interpreter("lost", supervisor.why_lost)

    def moved() -> None:
        live.models_changed()
        if spare is not None:
            spare.renew()

    supervisor = Supervisor(command, on_restart=interpreter_lost, spare=spare)
    joining.join(pool, config, manager, live, context)
    every = pool or supervisor
    board = Board(manager, live, context, every)
    joining.show(pool, config, board)
    return Server(config, given, manager, edges, context, live, moves, supervisor, every, board)


def _jobs(
    server: Server, whip: WhipApi, fetch: Sequence[str]
) -> dict[str, Coroutine[None, None, None]]:
    """The tasks that run as long as the server does, by name."""
    live, moves, supervisor = server.live, server.moves, server.supervisor
    given, config = server.given, server.config
    jobs = {
        "pacer": server.context.pacer.run(),
        "dispatch": live.dispatch(server.interpreters, moves),
        "models": moves.watch(folder_of(server.config)),
        "house-keeping": live.keep_house(),
        "whip": whip.run(),
        "board": server.board.run(),
        "certificate": tls.renewals(given.certificate, config.tls_cert, config.tls_key),
    }
    if joining.interprets(server.config):
        jobs["supervisor"] = supervisor.run()
        jobs["fetch"] = better_models(
            server.config, server.models.catalogue, lambda: supervisor.ready, moves, fetch
        )
    return jobs


@contextlib.asynccontextmanager
async def further_processes(
    config: Config, folder: Path, metrics: Metrics, begin: asyncio.Event | None = None
) -> AsyncIterator[Sequence[Edge]]:
    """Run the media processes beside this one; end them on leaving. The sockets of their buses
    are in ``folder``. ``begin``: they are started then."""

    async def run(edge: Edge) -> None:
        if begin is not None:
            await begin.wait()
        await edge.run()

    async with contextlib.AsyncExitStack() as stack:
        edges = []
        for number in range(1, config.media_processes):
            socket = folder / f"edge-{number}"
            bus = await stack.enter_async_context(LocalBus.listen(socket, edge_messages.decode))
            command = [*processes.edge(config, folder, number), "--socket", str(socket)]
            edges.append(Edge(number, bus, command, metrics))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        running = [group.create_task(run(each), name=f"edge-{each.name}") for each in edges]
        try:
            yield edges
        finally:
            for task in running:
                task.cancel()


def engines(config: Config, first: Path | None = None) -> Callable[[], Engines]:
    """What loads the models of an interpreter. ``first``: a file that names the models to begin
    with, in place of those of the settings."""
    given = [decoded(first.read_bytes())] if first else []

    def catalogue() -> Catalogue:
        return (
            given.pop()
            if given
            else catalogue_of(config.models, Path(config.state), config.recognizer)
        )

    return process.loader(catalogue, config.device)


async def run_worker(config: Config, bus_socket: Path, load: Callable[[], Engines]) -> None:
    """Run an interpreter process until its server is gone or tells it to end. ``load``: see
    ``engines``."""
    async with LocalBus.connect(bus_socket, messages.decode) as bus:
        limit_s = config.stage_timeout_s
        limits = Limits(recognize_s=PATIENCE * limit_s, translate_s=limit_s, synthesize_s=limit_s)
        await process.run(bus, load, limits, config.policy)


async def run_edge(config: Config, bus_socket: Path) -> None:
    """Run a further media process until its server is gone or tells it to end. Raises OSError if
    its UDP port is in use, also after FREE_S."""
    until_s = asyncio.get_running_loop().time() + FREE_S
    with contextlib.ExitStack() as stack:
        while True:
            try:
                made = media_plane(config, offered_addresses(config), Metrics())
                plane = stack.enter_context(made)
                break
            except OSError:
                if asyncio.get_running_loop().time() > until_s:
                    raise
                await asyncio.sleep(TRY_S)
        async with (
            LocalBus.connect(bus_socket, edge_messages.decode) as bus,
            garbage.when_idle(lambda: not plane.peers),
        ):
            await edge_worker.run(bus, plane)
