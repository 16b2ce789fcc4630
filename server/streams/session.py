"""One participant's session, from join to goodbye: one connection, one TaskGroup. See ``listening``
for listeners, and for what all have in common.

Only these two files know both a participant's connection and a stream.
"""

from dataclasses import dataclass
from functools import partial

from aiohttp import web

from server.http.access import Grants
from server.media.receive import Sound
from server.streams.listening import Listening
from server.streams.live_stream import LiveStream
from server.streams.registry import Session
from signaling import messages as wire
from signaling.protocol import SPEAKER, TALK, parse_stream_id
from signaling.transport import IceRestart, Transport
from signaling.websocket import Connection


@dataclass(frozen=True)
class Sessions(Listening[LiveStream]):
    """The WebSocket handlers of all participants but interpreters."""

    def add_routes(self, app: web.Application) -> None:
        """Serve the WebSockets of the three kinds of participants."""
        super().add_routes(app)
        app.router.add_get("/ws/speak/{stream}", self.speak)
        app.router.add_get("/ws", self.talk)

    # --- a speaker ----------------------------------------------------------------------------

    async def speak(self, request: web.Request) -> web.StreamResponse:
        """Handle the whole session of a speaker."""
        visitor = self.visitor(request)
        async with self.accept(request, SPEAKER, visitor) as connection:
            await self.speaker(connection, request.match_info["stream"], visitor.site)
        return self.ended(connection, request, "speaker")

    async def speaker(
        self, connection: Transport[wire.SpeakerMessage], stream: str, address: str
    ) -> None:
        """Keep a speaker of ``stream`` until it leaves. Raises ProtocolError."""
        stream_id = parse_stream_id(stream)
        join = await connection.receive()
        if not isinstance(join, wire.JoinSpeaker):
            return
        grants = self.attendance.access.grants(join.token, stream_id)
        self.heed(join)
        session = self.attendance.join_speaker(stream_id, address, join, grants, connection.close)
        async with self.in_stream(connection, session, address) as (live, sound):
            if session.speaks_now:
                live.source.begin()
            elif not join.wings:  # somebody else has been given the word meanwhile
                live.notices.tell(session, wire.Turn())

            def hear(piece: Sound) -> None:
                for each in live.wings.hear(session, piece):
                    live.hear(each)

            if join.audio != "webrtc":
                sound.hear_on_socket(hear, join.audio)
            while (message := await connection.receive()) is not None:
                with connection.answering():
                    match message:
                        case bytes():
                            sound.push(message)
                        case wire.Offer():
                            await sound.offer(message, hear=hear)
                        case IceRestart():
                            await sound.restart(message)
                        case wire.End() if session.speaks_now:
                            session.stream.state = "ended"
                            break
                        case _:
                            self._direct(live, session, grants, message)

    def _direct(
        self, live: LiveStream, session: Session, grants: Grants, message: wire.SpeakerMessage
    ) -> None:
        """Do what a speaker's message asks for. In the wings it does nothing to the stream."""
        match message:
            case wire.ChangeLanguage():
                self.attendance.check_spoken(grants, message.language, fatal=False)
                session.speaks, session.may_begin = message.language, True
                if session.speaks_now:
                    live.source.choose(message.language)
            case wire.Ask():
                self.attendance.check_spoken(grants, session.speaks, fatal=False)
                live.wings.ask(session, grants.subject or "")
            case wire.HandOver() if session.speaks_now:
                answer = live.wings.hand_over if message.granted else live.wings.decline
                answer(message.to)
            case wire.Panel() if session.speaks_now:
                live.wings.hold_panel(message.on)
            case wire.Pause() if session.speaks_now:
                live.pause(message.paused)

    # --- a talker -----------------------------------------------------------------------------

    async def talk(self, request: web.Request) -> web.StreamResponse:
        """Handle the whole session of somebody who hears their own interpretation."""
        visitor = self.visitor(request)
        async with self.accept(request, TALK, visitor) as connection:
            join = await connection.receive()
            if isinstance(join, wire.JoinTalk):
                await self._talker(connection, visitor.site, join)
        return self.ended(connection, request, "talk")

    async def _talker(
        self, connection: Connection[wire.TalkMessage], address: str, join: wire.JoinTalk
    ) -> None:
        session = self.attendance.join_talk(address, join, connection.close)
        async with self.in_stream(connection, session, address) as (live, sound):
            live.source.begin()
            while (message := await connection.receive()) is not None:
                with connection.answering():
                    if isinstance(message, wire.Offer):
                        await sound.offer(
                            message, send=partial(live.tracks.add, session), hear=live.hear
                        )
