"""One participant: one connection, one TaskGroup, from join to goodbye.

The only place that sees both a participant's connection and a stream. What a handler starts
lives in its TaskGroup and has ended when the handler ends; leaving, being replaced and being
sent away all come down to cancelling that group.
"""

import asyncio
import contextlib
import logging
import struct
from collections.abc import Awaitable, Callable

from aiohttp import web

from server import netinfo
from server.access import Access
from server.config import Config
from server.live_stream import LiveStream
from server.live_streams import LiveStreams
from server.media import peer as media_peer
from server.media.broadcast import SubscriberTrack
from server.media.peer import OfferError, Peer
from server.media.receive import SocketReceiver, receive
from server.metrics import Metrics
from server.models.catalogue import Catalogue
from server.streams import ConnectionManager, Session, language_of
from signaling import offer as sdp_offer
from signaling.errors import ProtocolError
from signaling.messages import (
    Answer,
    End,
    JoinListener,
    JoinSpeaker,
    JoinTalk,
    Joined,
    Offer,
    Pause,
    Select,
)
from signaling.protocol import Role, parse_stream_id
from signaling.websocket import Connection, accept

logger = logging.getLogger(__name__)

Handler = Callable[[Connection, web.Request, str], Awaitable[None]]


class Sessions:
    """The WebSocket handlers of a running server."""

    def __init__(
        self,
        config: Config,
        manager: ConnectionManager,
        live: LiveStreams,
        access: Access,
        catalogue: Catalogue,
        metrics: Metrics,
    ) -> None:
        self._config = config
        self._manager = manager
        self._live = live
        self._access = access
        self._catalogue = catalogue
        self._metrics = metrics
        self._trusted = netinfo.networks(config.trusted_proxies)
        self._hosts = config.ice_addresses or netinfo.ice_addresses(config.host)

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/ws/speak/{stream}", self._handler("speaker", self._speak))
        app.router.add_get("/ws/listen/{stream}", self._handler("listener", self._listen))
        app.router.add_get("/ws", self._handler("talk", self._talk))

    def external_url(self, request: web.Request) -> str:
        """The server's address as the one who asks sees it."""

    # --- the edge -----------------------------------------------------------------------------

    def _handler(
        self, role: Role, handle: Handler
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handler(request: web.Request) -> web.StreamResponse:
            address = self._address(request)
            async with accept(
                request, role=role, allowed_origins=self._config.allowed_origins
            ) as connection:
                await self._guarded(handle(connection, request, address), connection)
            return connection.response

        return handler

    async def _guarded(self, session: Awaitable[None], connection: Connection) -> None:
        """Run a session to its end, whatever that is, and say goodbye."""
        try:
            await session
        except* ProtocolError as group:
            error = _first(group, ProtocolError)
            self._metrics.refused.labels(error.code).inc()
            await connection.close(error)

    # --- roles ------------------------------------------------------------------------------------

    async def _speak(self, connection: Connection, request: web.Request, address: str) -> None:
        stream_id = parse_stream_id(request.match_info["stream"])
