"""What is running, a server or an edge, for the code that started it."""

import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from server import banner
from server.bus.supervisor import Readiness, Supervisor
from server.config import Config
from server.edge.remote import Edge
from server.http.access import Access
from server.http.interfaces import own_addresses
from server.metrics import Metrics
from server.models.current import Current
from server.models.moving import Moves
from server.operate.board import Board
from server.prepared import Prepared
from server.streams.context import StreamContext
from server.streams.live_streams import LiveStreams
from server.streams.registry import ConnectionManager


async def _nothing() -> None:
    pass


@dataclass
class Instance:
    """What a server and an edge have in common. ``edges``: its further media processes. ``port``:
    TCP port of pages and signaling; 0 until it accepts connections."""

    config: Config
    given: Prepared
    manager: ConnectionManager
    edges: Sequence[Edge]
    port: int = field(default=0, kw_only=True)

    @property
    def access(self) -> Access:
        """Its access control."""
        return self.given.access

    @property
    def url(self) -> str:
        """Its URL on this machine."""
        scheme = "https" if self.config.has_tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}"


@dataclass
class Server(Instance):
    """A server. ``supervisor``: of its own interpreter. ``interpreters``: that one, or those of all
    machines. ``sockets``: on which it listens, and those for sound. ``leave``: leaves these to
    another process."""

    context: StreamContext
    live: LiveStreams
    moves: Moves
    supervisor: Supervisor
    interpreters: Readiness
    board: Board
    sockets: Sequence[socket.socket] = ()
    leave: Callable[[], Awaitable[None]] = _nothing

    @property
    def metrics(self) -> Metrics:
        """Its metrics."""
        return self.context.metrics

    @property
    def models(self) -> Current:
        """The models in use."""
        return self.given.models

    @cached_property
    def addresses(self) -> banner.Addresses:
        """The addresses to print: where to speak and where to listen."""
        certificate = self.given.certificate
        return banner.addresses(
            self.config,
            self.port,
            self.access,
            own_addresses(),
            certificate.fingerprint if certificate else "",
        )
