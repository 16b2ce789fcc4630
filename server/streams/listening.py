"""A listener's session, from join to goodbye: one connection, one TaskGroup.

The tasks that a handler starts are in its TaskGroup, so they have ended when the handler ends. A
session that is replaced, or dismissed, ends by cancelling that group.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Generic

from aiohttp import web

from server.edge.remote import Edge
from server.http.access import Grants
from server.http.ice_servers import IceServers, Refusals
from server.http.netinfo import Visitor
from server.http.others import Others
from server.media.plane import MediaPlane
from server.streams.attendance import Attendance
from server.streams.heard import H_co, Heard
from server.streams.registry import Session, language_of
from server.streams.sound_path import SoundPath
from signaling import messages as wire
from signaling.origins import refuse_foreign
from signaling.protocol import LISTENER, M, Role, parse_stream_id
from signaling.transport import IceRestart, Transport
from signaling.websocket import Connection, accept


@dataclass(frozen=True)
class Listening(Generic[H_co]):
    """The WebSocket handlers of listeners, and what all kinds of participants need. ``visitor``
    returns the client that sent a request, believing trusted proxies. ``ice_servers`` returns the
    servers that participants are told, ``others`` those at which they can listen as well. ``url``:
    where people reach this one; "" if that is not known."""

    attendance: Attendance[H_co]
    plane: MediaPlane
    edges: Sequence[Edge]
    others: Others
    visitor: Callable[[web.Request], Visitor]
    ice_servers: IceServers
    url: str
    refusals: Refusals = field(default_factory=Refusals, kw_only=True)

    @property
    def allowed_origins(self) -> Sequence[str]:
        """Other origins whose pages may connect."""
        return self.others.origins

    def _others(self, session: Session) -> list[str]:
        """Where a listener can go on, if this server is lost."""
        return self.others.best(session.stream.id, self.url) if session.role == "listener" else []

    def add_routes(self, app: web.Application) -> None:
        """Serve listeners."""
        app.router.add_get("/ws/listen/{stream}", self.listen)
        app.router.add_post("/api/connect", self.may_connect)

    async def may_connect(self, request: web.Request) -> web.Response:
        """204 if a page of this origin may open a WebSocket, else 403 with what the host can do.
        Browsers do not tell a page why a WebSocket was refused."""
        refuse_foreign(request, self.visitor(request).host, self.allowed_origins)
        return web.Response(status=204)

    async def listen(self, request: web.Request) -> web.StreamResponse:
        """Handle the whole session of a listener."""
        visitor = self.visitor(request)
        async with self.accept(request, LISTENER, visitor) as connection:
            await self.listener(connection, request.match_info["stream"], visitor.site)
        return self.ended(connection, request, "listener")

    async def listener(
        self, connection: Transport[wire.ListenerMessage], stream: str, address: str
    ) -> None:
        """Keep a listener of ``stream`` until it leaves. Raises ProtocolError."""
        stream_id = parse_stream_id(stream)
        join = await connection.receive()
        if not isinstance(join, wire.JoinListener):
            return
        grants = self.attendance.access.grants(join.token, stream_id)
        self.heed(join)
        session = self.attendance.join_listener(stream_id, address, join, connection.close)
        async with self.in_stream(connection, session, address) as (live, sound):
            with connection.answering():
                self.attendance.check_heard(grants, join.captions)
            if join.audio == "socket":
                sound.send_on_socket(live.tracks.add(session))
            while (message := await connection.receive()) is not None:
                with connection.answering():
                    match message:
                        case wire.Offer():
                            await sound.offer(message, send=partial(live.tracks.add, session))
                        case IceRestart():
                            await sound.restart(message)
                        case wire.Select():
                            await self.select(live, session, message, grants)

    async def select(
        self, live: Heard, session: Session, message: wire.Select, grants: Grants | None = None
    ) -> None:
        """Change what the session hears, or reads, when it has a turn: what the stream's listeners
        want together is found out again. ``grants``: what of it the token is for; None: all.
        Raises ProtocolError, also if it is not for all of it."""
        await self.plane.turns.wait()
        captions = message.captions
        if message.channel is not None:
            if grants is not None:
                self.attendance.check_heard(grants, [language_of(message.channel)])
            self.attendance.check_channel(message.channel, fatal=False)
        if grants is not None and captions is not None:
            captions = grants.among(captions)
        channel = message.channel if session.channel is not None else None
        self.attendance.manager.select(session, channel, captions)
        live.selected(session, captions_changed=captions is not None)
        if grants is not None:
            self.attendance.check_heard(grants, message.captions or ())

    # --- all participants ---------------------------------------------------------------------

    def accept(
        self, request: web.Request, role: Role[M], visitor: Visitor
    ) -> contextlib.AbstractAsyncContextManager[Connection[M]]:
        """See ``signaling.websocket.accept``."""
        return accept(
            request,
            role=role,
            allowed_origins=self.allowed_origins,
            host=visitor.host,
            turn=self.plane.turns.wait,
        )

    def heed(self, join: wire.JoinSpeaker | wire.JoinListener) -> None:
        """Tell the host if the TURN server refused the participant's password."""
        if join.turn_refused:  # by the wall clock, as in ``in_stream``
            self.refusals.count(self.ice_servers(time.time()), time.monotonic())

    @contextlib.asynccontextmanager
    async def in_stream(
        self,
        connection: Transport[wire.Message],
        session: Session,
        address: str,
    ) -> AsyncIterator[tuple[H_co, SoundPath]]:
        """Keep the session in its stream while the body runs; yields its stream and its audio."""
        with self.attendance.present(session) as live:
            connection.send(
                wire.Joined(
                    stream=session.stream.id,
                    resume=session.resume,
                    state=session.stream.state,
                    source=session.stream.source,
                    languages=self.attendance.models.catalogue.sources,
                    channels=live.channels,
                    recording=live.state.recording,
                    panel=session.stream.panel,
                    others=self._others(session),
                    # Wall clock, as TURN passwords expire by it.
                    ice_servers=self.ice_servers(time.time()),
                )
            )
            live.attach(session, connection.send)
            async with asyncio.TaskGroup() as group:
                sound = SoundPath(group, connection, self.plane, address, self.edges)
                yield live, sound
                await sound.close()

    def count(self, connection: Transport[wire.Message], stream: str, role: str) -> None:
        """Count why a session ended, and what it was not sent."""
        metrics = self.attendance.metrics
        if connection.error is not None:
            self.attendance.refused(stream, role, connection.error)
        metrics.dropped.labels("captions").inc(connection.outbox.dropped_captions)
        metrics.dropped.labels("socket_audio").inc(connection.outbox.dropped_audio)

    def ended(
        self, connection: Connection[M], request: web.Request, role: str
    ) -> web.StreamResponse:
        """The response of a handler whose session has ended; counts why."""
        self.count(connection, request.match_info.get("stream", ""), role)
        return connection.response
