"""How a server uses the interpreters of several machines."""

from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path
from typing import get_args

from server.bus.messages import Message
from server.bus.protocol import Bus
from server.bus.supervisor import Supervisor
from server.bus_settings import Role
from server.cluster.pool import OWN, Pool
from server.config import Config
from server.leasing import lease
from server.machine import cores
from server.models.catalogue import Catalogue
from server.models.current import Current, decoded, encoded
from server.operate.board import Board
from server.operate.patch import Json
from server.streams.admission import Admission
from server.streams.at_edges import AtEdges
from server.streams.context import StreamContext
from server.streams.live_streams import LiveStreams
from server.streams.registry import ConnectionManager
from server.streams.session import Sessions


def interprets(config: Config) -> bool:
    """Whether a server has an interpreter of its own."""
    return not config.roles or "interpreter" in config.roles


@asynccontextmanager
async def all_machines(config: Config) -> AsyncIterator[Pool | None]:
    """The interpreters of several machines; None if there is only this one."""
    if config.bus:
        from server import machines  # here, as one machine does without the library of NATS

        async with machines.hub(config) as pool:
            yield pool
    else:
        yield None


def own_models(pool: Pool | None, offered: Current) -> Current:
    """The models of this machine. With a pool these are not all that are ``offered``."""
    return offered if pool is None else Current(offered.catalogue)


def join(
    pool: Pool | None,
    config: Config,
    manager: ConnectionManager,
    live: LiveStreams,
    context: StreamContext,
) -> None:
    """Let the streams of a server use the interpreters of ``pool``, and offer the languages of all
    of them. A stream that another server has is not spoken in here."""
    if pool is None:
        return
    first = [decoded(encoded(context.models.catalogue))]  # until its own interpreter has reported

    def offer(known: Mapping[str, Catalogue]) -> None:
        own = first if interprets(config) and OWN not in known else []
        models = {each.name: each for one in (*own, *known.values()) for each in one.models}
        context.models.catalogue = Catalogue(Path("/"), list(models.values()))
        live.models_changed()

    context.metrics.add_machines(lambda: len(pool.names), lambda: pool.up())
    pool.on_ready = live.interpreter_ready
    pool.on_lost = live.interpreter_lost
    pool.on_models = offer
    context.admission.room = pool.has_room
    if pool.leases is not None:
        lease(pool.leases, manager, live)


def show(pool: Pool | None, config: Config, board: Board) -> None:
    """Show operators the machines, and let them drain those that interpret."""
    if pool is None:
        return
    roles = list(config.roles or get_args(Role))

    def machines() -> Json:
        here = pool.leases.name if pool.leases is not None else OWN
        shown: Json = {here: {"roles": roles, "cores": cores(), "load": 0.0, "streams": {}}}
        for each, streams in pool.machines():
            is_here = each.name == OWN
            shown[here if is_here else each.name] = {
                "roles": roles if is_here else ["interpreter"],
                "cores": each.cores,
                "load": round(each.load, 1),
                "streams": streams,
                "drains": each.name,
                "draining": each.draining,
                "leaving": each.leaving,
                "ready": each.ready,
            }
        return shown

    board.machines = machines
    board.drain = pool.drain


def admission(config: Config) -> Admission:
    """What decides about room; with several machines ``join`` tells it what they can do."""
    return Admission(config.max_languages, inf if config.bus else cores())


def jobs(
    pool: Pool | None,
    config: Config,
    own: Bus[Message],
    supervisor: Supervisor,
    sessions: Sessions,
) -> dict[str, Coroutine[None, None, None]]:
    """The tasks of a server that uses ``pool``, by name. ``sessions``: of its participants, whom
    those at edges join."""
    if pool is None:
        return {}
    named = {"pool": pool.run(), "edges": _serve_edges(config, sessions)}
    if pool.leases is not None:
        named["leases"] = pool.leases.run()
    if interprets(config):
        named["own interpreter"] = pool.use_own(own, supervisor, cores())
    return named


async def _serve_edges(config: Config, sessions: Sessions) -> None:
    from server import machines  # as above

    async with machines.origin(config) as edges:
        sessions.attendance.metrics.add_edge_machines(
            lambda: len(edges.names), lambda: edges.dropped
        )
        await edges.run(
            AtEdges(sessions.attendance, config.public_url, sessions.others, edges.sound)
        )
