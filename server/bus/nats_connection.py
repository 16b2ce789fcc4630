"""A connection to NATS that is made again for ever. With ``nats_subscriptions`` and
``nats_records`` the only file that imports its library.

- Nothing waits to be sent while NATS is gone: ``send`` returns False at once. The library's own
  reconnecting is not used, as it keeps what was not sent.
- Servers are tried in turn, with a growing pause between attempts.
- Whether NATS is there is said when that changes, without user and password.
- Subjects: ``tolk.ROLE.RECEIVER.SENDER``, for one machine, by its role; ``tolk.offer.ROLE.SENDER``,
  from a machine to all of the other role; and those of ``sound``, which come and go. So NATS's
  permissions can keep a machine from speaking in another role: see deploy/nats.
"""

import asyncio
import itertools
import logging
import random
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence, Set
from contextlib import asynccontextmanager, suppress
from secrets import token_hex
from typing import Final, Literal

import nats.errors
from nats.aio.client import Client

from server.bus.addresses import NatsServer
from server.bus.nats_login import Tls, check, shown
from server.bus.nats_subscriptions import Hear, Subscriptions

#: How long the start waits for a connection before it goes on without one.
FIRST_S: Final = 2.0
CONNECT_S: Final = 2
#: The pause between attempts doubles from the first to the longest.
FIRST_BACKOFF_S: Final = 0.1
LONGEST_BACKOFF_S: Final = 1.0
#: After two pings without an answer the connection counts as gone.
PING_S: Final = 1
LOOK_S: Final = 0.5
#: Bytes that may wait for the socket before a sender waits.
PENDING_BYTES: Final = 65_536
FLUSH_S: Final = 2.0

#: What a machine is on the bus. Each sends to machines of the other role. A server is a hub for
#: interpreters and, by a second connection, an origin for edges.
BusRole = Literal["hub", "interpreter", "origin", "edge"]
OTHER: Final[dict[BusRole, BusRole]] = {
    "hub": "interpreter",
    "interpreter": "hub",
    "origin": "edge",
    "edge": "origin",
}
#: Called with the sender's name and what it sent.
Receiver = Callable[[str, bytes], None]

_log = logging.getLogger(__name__)


def machine_name() -> str:
    """A name for this process on the bus: of its machine, and different each time."""
    host = re.sub(r"[^A-Za-z0-9-]+", "-", socket.gethostname()).strip("-")[:40]
    return f"{host or 'tolk'}-{token_hex(4)}"


class Nats:
    """A connection, made by ``opened``. ``name``: of this machine on the bus. ``receive`` is called
    with what is sent to it, ``hear`` with what is sent to all.

    ``subjects`` are heard besides; ``on_subject`` is called with the subject and what is sent
    there. After a change NATS learns of them before anything else that is sent, and again whenever
    it is connected."""

    def __init__(self, servers: Sequence[NatsServer], name: str, role: BusRole) -> None:
        self.name: Final = name
        self.role: Final = role
        self.receive: Receiver = _ignore
        self.hear: Receiver = _ignore
        self.on_subject: Hear = _ignore
        self.subjects: Set[str] = frozenset()
        self._servers = servers
        self._client: Client | None = None
        self._subscriptions: Subscriptions | None = None  # the client's
        # The library takes some cancellations for its own, so these are not enough to end a task.
        self._ending = asyncio.Event()
        self._changed = asyncio.Event()
        self._error: Exception | None = None
        self._said = set[str]()  # since it was last connected

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, servers: Sequence[NatsServer], name: str, role: BusRole, first_s: float = FIRST_S
    ) -> AsyncIterator["Nats"]:
        """Connect, and stay connected. If that takes longer than ``first_s``, go on without a
        connection and keep trying. All but interpreters hear what the other role says to all."""
        nats = cls(servers, name, role)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(nats._keep(), name="nats")
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(first_s):
                        await nats.connected()
                yield nats
            finally:
                nats._ending.set()
                client, nats._client = nats._client, None
                task.cancel()
                if client is not None:
                    await _closed(client)

    @property
    def up(self) -> bool:
        """Whether NATS is connected."""
        return self._client is not None and self._client.is_connected

    @property
    def client(self) -> Client | None:
        """The library's client of the present connection, for what JetStream does."""
        return self._client

    async def connected(self) -> None:
        """Wait until NATS is connected."""
        while not self.up:
            self._changed.clear()
            await self._changed.wait()

    async def send(self, to: str, data: bytes) -> bool:
        """Send to the machine ``to``. Returns whether NATS has taken it; it waits for a slow
        socket, but not for a connection."""
        return await self.publish(f"tolk.{OTHER[self.role]}.{to}.{self.name}", data)

    async def send_all(self, data: bytes) -> bool:
        """As ``send``, to all machines of the other role."""
        return await self.publish(f"tolk.offer.{self.role}.{self.name}", data)

    async def publish(self, subject: str, data: bytes) -> bool:
        """As ``send``, to whoever hears ``subject``."""
        client, subscriptions = self._client, self._subscriptions
        if client is None or subscriptions is None or not client.is_connected:
            return False
        try:
            await subscriptions.settle()
            await client.publish(subject, data)
        except nats.errors.MaxPayloadError:
            self._say(
                f"NATS takes no messages of {len(data)} bytes, only {client.max_payload}: "
                "raise max_payload in its configuration to 1 MB"
            )
            return False
        except (nats.errors.Error, OSError):
            return False
        return True

    async def flush(self) -> None:
        """Wait until NATS has what was sent, for ``FLUSH_S`` at most."""
        if self._client is not None and self._client.is_connected:
            with suppress(nats.errors.Error, OSError):
                await _flushed(self._client)

    async def _keep(self) -> None:
        backoff_s = FIRST_BACKOFF_S
        for server in itertools.cycle(self._servers):
            if self._ending.is_set():
                return
            client = Client()
            closed = asyncio.Event()
            try:
                await self._connect(client, server, closed)
            except (nats.errors.Error, OSError, TimeoutError) as error:
                self._say(f"{self._of(server)} {_why(self._error or error)}; trying again")
                await _closed(client)
                await asyncio.sleep(backoff_s * random.uniform(0.5, 1))
                backoff_s = min(2 * backoff_s, LONGEST_BACKOFF_S)
                continue
            except asyncio.CancelledError:
                await _closed(client)
                raise
            if self._ending.is_set():
                return await _closed(client)
            backoff_s = FIRST_BACKOFF_S
            self._client = client
            self._changed.set()
            self._said.clear()
            _log.info("connected to NATS at %s as %s", server.place, self.name)
            while client.is_connected and not self._ending.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await closed.wait()
            self._client = None
            if self._ending.is_set():
                return
            self._say(f"{self._of(server)} is gone; trying again")
            await _closed(client)

    async def _connect(self, client: Client, server: NatsServer, closed: asyncio.Event) -> None:
        context = Tls() if server.tls else None

        async def note_end() -> None:
            closed.set()

        async def note(error: Exception) -> None:
            self._error = error
            if isinstance(error, nats.errors.SlowConsumerError):
                return  # what was dropped is missing in the numbers, and counted there
            if client.is_connected and "permissions violation" in str(error).lower():
                self._say(f"{self._of(server)} {_why(error)}")

        self._error = None
        known = shown(server.credentials, context)
        await client.connect(
            server.url,
            name=f"tolk {self.name}",
            error_cb=note,
            closed_cb=note_end,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=CONNECT_S,
            ping_interval=PING_S,
            pending_size=PENDING_BYTES,
            flush_timeout=FLUSH_S,
            no_echo=True,
            **known,
        )
        check(context)
        heard = Subscriptions(client, lambda: self.subjects, lambda *_: self.on_subject(*_))
        mine = f"tolk.{self.role}.{self.name}.*"
        await heard.add(mine, lambda subject, data: self.receive(_sender(subject), data))
        if self.role != "interpreter":
            offers = f"tolk.offer.{OTHER[self.role]}.*"
            await heard.add(offers, lambda subject, data: self.hear(_sender(subject), data))
        await heard.settle()
        await _flushed(client)
        self._subscriptions = heard

    def _of(self, server: NatsServer) -> str:
        """The connection to ``server``, for the log. A server of Tolk has two."""
        return f"NATS at {server.place}" + (" (for edges)" if self.role == "origin" else "")

    def _say(self, what: str) -> None:
        """Log ``what``, unless it was said since NATS was last connected."""
        if what not in self._said and len(self._said) < 100:
            _log.warning("%s", what)
            self._said.add(what)


async def _flushed(client: Client) -> None:
    """Wait until NATS has what was sent. Raises what the library raises."""
    await client.flush(round(FLUSH_S))
    # The library's ping overtakes what still waits to be written: only then is that written.
    await client.flush(round(FLUSH_S))


def _why(error: Exception) -> str:
    """What is wrong with a server, and what to do. Never what was sent to it."""
    text = str(error).lower()
    if "authorization" in text:
        return "refuses the user or password: see --bus and --bus-credentials"
    if "permissions" in text:
        return f"forbids a subject that Tolk needs ({error}): see docs/scaling.md"
    if isinstance(error, ssl.SSLError):
        return f"has no certificate that is trusted here ({error.reason or error})"
    if isinstance(error, TimeoutError):
        return "does not answer"
    if isinstance(error, ConnectionRefusedError):
        return "cannot be reached: nobody listens there"
    if isinstance(error, nats.errors.Error):
        return f"cannot be used ({error})"
    return f"cannot be reached ({getattr(error, 'strerror', None) or error})"


async def _closed(client: Client) -> None:
    """Close ``client``. One that cannot send what it has is left to itself."""
    with suppress(TimeoutError, nats.errors.Error, OSError):
        async with asyncio.timeout(FLUSH_S):
            await client.close()


def _sender(subject: str) -> str:
    return subject.rpartition(".")[2]


def _ignore(sender: str, data: bytes) -> None:
    """For what comes before somebody wants it."""
