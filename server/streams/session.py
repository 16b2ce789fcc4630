"""One participant's session, from join to goodbye: one connection, one TaskGroup.

Only this file knows both a participant's connection and a stream. The tasks that a handler starts
are in its TaskGroup, so they have ended when the handler ends. A session that is replaced, or
dismissed, ends by cancelling that group.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from server.edge.remote import Edge
from server.http.access import Access, Grants
from server.http.ice_servers import IceServers
from server.http.netinfo import Visitor
from server.media.plane import MediaPlane
from server.models.current import Current
from server.streams.attendance import Attendance
from server.streams.live_stream import LiveStream
from server.streams.registry import ConnectionManager, Session
from server.streams.sound_path import SoundPath
from signaling.errors import ProtocolError
from signaling.messages import (
    AUTO,
    ChangeLanguage,
    End,
    Joined,
    JoinListener,
    JoinSpeaker,
    JoinTalk,
    ListenerMessage,
    Message,
    Offer,
    Pause,
    Select,
    SpeakerMessage,
    TalkMessage,
)
from signaling.protocol import LISTENER, SPEAKER, TALK, M, Role, parse_stream_id
from signaling.transport import Transport
from signaling.websocket import Connection, accept


@dataclass(frozen=True)
class Sessions:
    """The WebSocket handlers. ``visitor`` returns the client that sent a request, believing
    trusted proxies. ``ice_servers`` returns the servers that participants are told."""

    manager: ConnectionManager
    attendance: Attendance
    access: Access
    models: Current
    plane: MediaPlane
    edges: Sequence[Edge]
    allowed_origins: Sequence[str]
    visitor: Callable[[web.Request], Visitor]
    ice_servers: IceServers

    def add_routes(self, app: web.Application) -> None:
        """Serve the WebSockets of the three kinds of participants."""
        app.router.add_get("/ws/speak/{stream}", self.speak)
        app.router.add_get("/ws/listen/{stream}", self.listen)
        app.router.add_get("/ws", self.talk)

    # --- a speaker ----------------------------------------------------------------------------

    async def speak(self, request: web.Request) -> web.StreamResponse:
        """Handle the whole session of a speaker."""
        visitor = self.visitor(request)
        async with self._accept(request, SPEAKER, visitor) as connection:
            await self.speaker(connection, request.match_info["stream"], visitor.site)
        return self._ended(connection)

    async def speaker(
        self, connection: Transport[SpeakerMessage], stream: str, address: str
    ) -> None:
        """Keep a speaker of ``stream`` until it leaves. Raises ProtocolError."""
        stream_id = parse_stream_id(stream)
        join = await connection.receive()
        if not isinstance(join, JoinSpeaker):
            return
        grants = self.access.grants(join.token, stream_id)
        self._check_spoken(grants, join.language)
        if join.take_over:
            grants.require("take_over")
        self.attendance.check_resume(join.resume, address)
        session = self.manager.join_speaker(
            stream_id,
            address,
            join.language,
            connection.close,
            resume=join.resume,
            take_over=join.take_over,
            languages=grants.languages,
        )
        async with self._in_stream(connection, session, address) as (live, sound):
            live.source.begin()
            if join.audio != "webrtc":
                sound.hear_on_socket(live.hear, join.audio)
            while (message := await connection.receive()) is not None:
                with connection.answering():
                    match message:
                        case bytes():
                            sound.push(message)
                        case Offer():
                            await sound.offer(message, hear=live.hear)
                        case Pause():
                            live.pause(message.paused)
                        case ChangeLanguage():
                            self._check_spoken(grants, message.language, fatal=False)
                            live.source.choose(message.language)
                        case End():
                            session.stream.state = "ended"
                            break

    # --- a listener ---------------------------------------------------------------------------

    async def listen(self, request: web.Request) -> web.StreamResponse:
        """Handle the whole session of a listener."""
        visitor = self.visitor(request)
        async with self._accept(request, LISTENER, visitor) as connection:
            await self.listener(connection, request.match_info["stream"], visitor.site)
        return self._ended(connection)

    async def listener(
        self, connection: Transport[ListenerMessage], stream: str, address: str
    ) -> None:
        """Keep a listener of ``stream`` until it leaves. Raises ProtocolError."""
        stream_id = parse_stream_id(stream)
        join = await connection.receive()
        if not isinstance(join, JoinListener):
            return
        session = self.attendance.join_listener(stream_id, address, join, connection.close)
        async with self._in_stream(connection, session, address) as (live, sound):
            if join.audio == "socket":
                sound.send_on_socket(live.tracks.add(session))
            while (message := await connection.receive()) is not None:
                with connection.answering():
                    match message:
                        case Offer():
                            await sound.offer(message, send=partial(live.tracks.add, session))
                        case Select():
                            self._select(live, session, message)

    def _select(self, live: LiveStream, session: Session, message: Select) -> None:
        if message.channel is not None:
            self.attendance.check_channel(message.channel, fatal=False)
        channel = message.channel if session.channel is not None else None
        self.manager.select(session, channel, message.captions)
        live.selected(session, captions_changed=message.captions is not None)

    # --- a talker -----------------------------------------------------------------------------

    async def talk(self, request: web.Request) -> web.StreamResponse:
        """Handle the whole session of somebody who hears their own interpretation."""
        visitor = self.visitor(request)
        async with self._accept(request, TALK, visitor) as connection:
            join = await connection.receive()
            if isinstance(join, JoinTalk):
                await self._talker(connection, visitor.site, join)
        return self._ended(connection)

    async def _talker(
        self, connection: Connection[TalkMessage], address: str, join: JoinTalk
    ) -> None:
        self.access.grants(join.token, "").require("speak", join.language)
        self._check_source(join.language)
        if join.target not in self.models.catalogue.targets(join.language):
            raise self._unknown_language(join.target, self.models.catalogue.targets(join.language))
        session = self.manager.join_talk(address, join.language, join.target, connection.close)
        async with self._in_stream(connection, session, address) as (live, sound):
            live.source.begin()
            while (message := await connection.receive()) is not None:
                with connection.answering():
                    if isinstance(message, Offer):
                        await sound.offer(
                            message, send=partial(live.tracks.add, session), hear=live.hear
                        )

    # --- all of them --------------------------------------------------------------------------

    def _accept(
        self, request: web.Request, role: Role[M], visitor: Visitor
    ) -> contextlib.AbstractAsyncContextManager[Connection[M]]:
        return accept(
            request,
            role=role,
            allowed_origins=self.allowed_origins,
            host=visitor.host,
            turn=self.plane.turns.wait,
        )

    @contextlib.asynccontextmanager
    async def _in_stream(
        self,
        connection: Transport[Message],
        session: Session,
        address: str,
    ) -> AsyncIterator[tuple[LiveStream, SoundPath]]:
        """Keep the session in its stream while the body runs; yields its stream and its audio."""
        with self.attendance.present(session) as live:
            connection.send(
                Joined(
                    stream=session.stream.id,
                    resume=session.resume,
                    state=session.stream.state,
                    source=session.stream.source,
                    languages=self.models.catalogue.sources,
                    channels=live.channels,
                    recording=live.recorder.kinds,
                    # Wall clock, as TURN passwords expire by it.
                    ice_servers=self.ice_servers(time.time()),
                )
            )
            live.attach(session, connection.send)
            async with asyncio.TaskGroup() as group:
                sound = SoundPath(group, connection, self.plane, address, self.edges)
                yield live, sound
                await sound.close()

    def _check_spoken(self, grants: Grants, language: str, *, fatal: bool = True) -> None:
        """Raises ProtocolError if the speaker may not speak ``language``, or AUTO."""
        try:
            grants.require("speak", None if language == AUTO else language)
            if language != AUTO:
                self._check_source(language)
            elif not self.models.catalogue.told_apart:
                raise ProtocolError(
                    "unknown_language",
                    "No model here tells which language is spoken. Choose one of: "
                    f"{', '.join(self.models.catalogue.sources)}; or ask the host to install a "
                    "Whisper model of several languages.",
                )
            elif not grants.among(self.models.catalogue.told_apart):
                raise ProtocolError("forbidden", "this token is for no language spoken here")
        except ProtocolError as error:
            raise error.as_fatal(fatal) from None

    def _check_source(self, language: str) -> None:
        if language not in self.models.catalogue.sources:
            raise self._unknown_language(language, self.models.catalogue.sources)

    def _unknown_language(self, language: str, known: Sequence[str]) -> ProtocolError:
        return ProtocolError(
            "unknown_language",
            f"There are no models for {language!r} here; there are for: {', '.join(known)}.",
        )

    def count(self, connection: Transport[Message]) -> None:
        """Count why a session ended, and what it was not sent."""
        metrics = self.attendance.metrics
        if connection.error is not None:
            metrics.refused.labels(connection.error.code).inc()
        metrics.dropped.labels("captions").inc(connection.outbox.dropped_captions)
        metrics.dropped.labels("socket_audio").inc(connection.outbox.dropped_audio)

    def _ended(self, connection: Connection[M]) -> web.StreamResponse:
        self.count(connection)
        return connection.response
