"""A listener over plain HTTP: the answer to one GET goes on for as long as it listens.

It is a listener like any other: the same tokens and limits, counted in the same place, and what it
wants is interpreted until it leaves. A program that cannot send a header gives its token in the
address. Nothing is read from it after its request.

- What waits for a slow listener is in its own bounded queue. Little waits in the buffers below.
- A listener that takes nothing for SEND_S, or answers nothing for UNANSWERED_MS, is gone.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web

from server.http.netinfo import Visitor
from server.http.refusals import Refusal
from server.streams.attendance import Attendance
from server.streams.heard import Heard
from server.streams.registry import Session
from signaling.errors import ProtocolError
from signaling.origins import refuse_foreign
from signaling.protocol import listener_join, parse_stream_id
from signaling.tokens import bearer_token
from signaling.unsent import UNSENT_BYTES, bound_unsent

SEND_S: Final = 10.0
#: How long sent data may remain unacknowledged. Without it, a client whose network is gone would
#: count as a listener for a quarter of an hour.
UNANSWERED_MS: Final = 20_000
#: What is recorded of the stream, such as "audio, text"; it is not sent if that is nothing. For
#: participants whom no message tells.
RECORDING_HEADER: Final = "Tolk-Recording"
#: How often it is looked whether the transport has room again, or is closed.
LOOK_S: Final = 0.02


@dataclass
class Answer:
    """An answer that goes on. ``dismissed``: why the server ends it."""

    response: web.StreamResponse
    transport: asyncio.Transport | None = None
    dismissed: ProtocolError | None = None

    @property
    def gone(self) -> bool:
        """Whether the client has closed the connection."""
        return self.transport is None or self.transport.is_closing()

    async def write(self, data: bytes) -> None:
        """Send ``data``, and wait until hardly anything waits to be sent. Raises TimeoutError if
        that takes too long, ConnectionError if the client is gone."""
        async with asyncio.timeout(SEND_S):
            await self.response.write(data)  # aiohttp waits without a limit, every 64 kB
            while not self.gone and self._unsent > UNSENT_BYTES:
                await asyncio.sleep(LOOK_S)
        if self.gone:
            raise ConnectionError("the client has closed the connection")

    @property
    def _unsent(self) -> int:
        return self.transport.get_write_buffer_size() if self.transport else 0


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
#: Sends what a listener gets, for as long as it listens.
Talk = Callable[[Answer, Session, Heard], Awaitable[None]]
#: Sends last words after the server has ended the answer.
Last = Callable[[Answer, ProtocolError], Awaitable[None]]


async def nothing(answer: Answer, error: ProtocolError) -> None:
    """No last words."""


@dataclass(frozen=True)
class HttpListeners:
    """Answers listeners over plain HTTP. ``visitor`` returns the client that sent a request.
    Pages of other origins than ``allowed_origins`` are refused, as on WebSockets."""

    attendance: Attendance[Heard]
    visitor: Callable[[web.Request], Visitor]
    allowed_origins: Sequence[str]

    def add_route(self, app: web.Application, path: str, handler: Handler) -> None:
        """Serve GET and HEAD of ``path`` by ``handler``, and the OPTIONS of browsers. Its
        ProtocolErrors are answered with their status and ``{"code", "message"}``."""

        async def answered(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except ProtocolError as error:
                self.attendance.refused(request.match_info["stream"], "listener", error)
                refusal = Refusal(error)
                refusal.headers.update(self.headers(request))
                raise refusal from error

        app.router.add_get(path, answered)
        app.router.add_options(path, self._preflight)

    async def answer(
        self,
        request: web.Request,
        content_type: str,
        wants: dict[str, object],
        talk: Talk,
        last: Last = nothing,
    ) -> web.StreamResponse:
        """Answer a request. ``wants``: the fields of the listener's join. Raises ProtocolError."""
        headers = {hdrs.CONTENT_TYPE: content_type, **self.headers(request)}
        try:
            response = web.StreamResponse(headers=headers)
            answer = Answer(response)
            async with self._stay(request, wants, answer) as (session, live):
                response.headers.update(recording_header(live.state.recording))
                if request.method != hdrs.METH_HEAD:
                    await self._begin(request, answer)
                    await talk(answer, session, live)
            if answer.dismissed is not None and not answer.gone:
                await last(answer, answer.dismissed)
        except TimeoutError:
            self.attendance.metrics.refused.labels("limit").inc()
            if answer.transport is not None:
                answer.transport.abort()
        except ConnectionError:
            pass  # it has left
        return answer.response

    @asynccontextmanager
    async def _stay(
        self, request: web.Request, wants: dict[str, object], answer: Answer
    ) -> AsyncIterator[tuple[Session, Heard]]:
        """Keep a listener in its stream while the body runs, or until it is dismissed. Raises
        ProtocolError before the body."""
        loop = asyncio.get_running_loop()
        until = asyncio.timeout(None)

        def dismiss(error: ProtocolError) -> None:
            if answer.dismissed is None:  # a second time, ``until`` would raise
                answer.dismissed = error
                until.reschedule(loop.time())

        token = bearer_token(request.headers.get(hdrs.AUTHORIZATION), request.query)
        join = listener_join({"token": token, **wants})
        stream_id = parse_stream_id(request.match_info["stream"])
        self.attendance.check_captions(stream_id, join)
        try:
            async with until:
                session = self.attendance.join_listener(
                    stream_id, self.visitor(request).site, join, dismiss
                )
                with self.attendance.present(session) as live:
                    yield session, live
        except TimeoutError:
            if answer.dismissed is None:
                raise

    async def _begin(self, request: web.Request, answer: Answer) -> None:
        answer.transport = bound_unsent(request)
        if answer.gone:
            raise ConnectionError("the client has closed the connection")
        _give_up_unanswered(answer.transport)
        await answer.response.prepare(request)

    def headers(self, request: web.Request) -> dict[str, str]:
        """The headers of every answer. Raises web.HTTPForbidden for pages that may not connect."""
        refuse_foreign(request, self.visitor(request).host, self.allowed_origins)
        headers: dict[str, str] = {
            hdrs.CACHE_CONTROL: "no-store",
            hdrs.VARY: hdrs.ORIGIN,
            "X-Accel-Buffering": "no",  # nginx would collect what is sent
        }
        if origin := request.headers.get(hdrs.ORIGIN):
            headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = RECORDING_HEADER
        return headers

    async def _preflight(self, request: web.Request) -> web.Response:
        allowed: dict[str, str] = {
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, HEAD",
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "Authorization, Last-Event-ID",
            hdrs.ACCESS_CONTROL_MAX_AGE: "600",
        }
        return web.Response(status=204, headers={**self.headers(request), **allowed})


def recording_header(kinds: Sequence[str]) -> dict[str, str]:
    """RECORDING_HEADER, if anything is recorded."""
    return {RECORDING_HEADER: ", ".join(kinds)} if kinds else {}


def _give_up_unanswered(transport: asyncio.Transport | None) -> None:
    option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux
    peer = transport.get_extra_info("socket") if transport else None
    if option is not None and peer is not None and peer.family in (socket.AF_INET, socket.AF_INET6):
        peer.setsockopt(socket.IPPROTO_TCP, option, UNANSWERED_MS)
