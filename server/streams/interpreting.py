"""The session of a person who interprets, over a WebSocket: they hear the floor, and take a
language over. See ``interpreters``."""

from dataclasses import dataclass
from functools import partial

from aiohttp import web

from server.streams.registry import language_of
from server.streams.session import Sessions
from signaling.errors import ProtocolError
from signaling.messages import InterpreterMessage, JoinInterpreter, Offer, OnAir, Select
from signaling.protocol import INTERPRETER, parse_stream_id
from signaling.transport import Transport


@dataclass(frozen=True)
class Interpreting:
    """The WebSocket handler."""

    sessions: Sessions

    def add_routes(self, app: web.Application) -> None:
        """Serve interpreters."""
        app.router.add_get("/ws/interpret/{stream}/{language}", self.interpret)

    async def interpret(self, request: web.Request) -> web.StreamResponse:
        """Handle the whole session of an interpreter."""
        visitor, where = self.sessions.visitor(request), request.match_info
        async with self.sessions.accept(request, INTERPRETER, visitor) as connection:
            await self.interpreter(connection, where["stream"], where["language"], visitor.site)
        return self.sessions.ended(connection, request, "interpreter")

    async def interpreter(
        self, connection: Transport[InterpreterMessage], stream: str, language: str, address: str
    ) -> None:
        """Keep an interpreter into ``language`` until it leaves. Raises ProtocolError."""
        stream_id = parse_stream_id(stream)
        join = await connection.receive()
        if not isinstance(join, JoinInterpreter):
            return
        attendance = self.sessions.attendance
        self.sessions.attendance.access.grants(join.token, stream_id).require("interpret", language)
        if language not in self.sessions.attendance.models.catalogue.all_targets:
            raise ProtocolError(
                "unknown_language",
                f"Nothing is interpreted into {language!r} here, but into: "
                f"{', '.join(self.sessions.attendance.models.catalogue.all_targets)}.",
            )
        self._check_channel(join.channel, language)
        attendance.check_resume(join.resume, address)
        session = self.sessions.attendance.manager.join_listener(
            stream_id,
            address,
            join.channel,
            join.captions,
            connection.close,
            resume=join.resume,
            claims=True,
            interprets=language,
        )
        async with self.sessions.in_stream(connection, session, address) as (live, sound):
            people = live.interpreters
            people.enter(session, language, join.name, connection.send, lambda: sound.silent_s())
            hear, send = partial(people.hear, session), partial(live.tracks.add, session)
            if join.audio != "webrtc":
                sound.hear_on_socket(hear, join.audio)
                sound.send_on_socket(send())
            while (message := await connection.receive()) is not None:
                with connection.answering():
                    match message:
                        case bytes():
                            sound.push(message)
                        case Offer():
                            await sound.offer(message, send=send, hear=hear)
                        case OnAir():
                            people.want(session, message)
                        case Select():
                            self._check_channel(message.channel, language, fatal=False)
                            await self.sessions.select(live, session, message)

    def _check_channel(self, channel: str | None, language: str, *, fatal: bool = True) -> None:
        """Raises ProtocolError if an interpreter into ``language`` cannot listen to ``channel``."""
        if channel is None:
            return
        self.sessions.attendance.check_channel(channel, fatal=fatal)
        if language_of(channel) == language:
            raise ProtocolError(
                "unknown_channel", "An interpreter would hear their own voice there.", fatal=fatal
            )
