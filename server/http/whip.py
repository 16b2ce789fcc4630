"""WHIP and WHEP: speakers and listeners that join by an HTTP request, such as OBS.

POST /whip/{stream} and /whep/{stream}; DELETE and PATCH of the address in the response's Location.
Such a session is the same as one over a WebSocket: ``streams.session`` runs both.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from server.http.refusals import STATUSES
from server.process import described
from server.streams.heard import Heard
from server.streams.http_listener import RECORDING_HEADER, recording_header
from server.streams.listening import Listening
from signaling.errors import ProtocolError, internal_error, protocol_error
from signaling.messages import ErrorCode, SpeakerMessage
from signaling.offer import MAX_OFFER_BYTES
from signaling.origins import refuse_foreign
from signaling.protocol import LISTENER, SPEAKER, M
from signaling.tokens import bearer_token
from signaling.whip import (
    MAX_FRAGMENT_BYTES,
    HttpTransport,
    PatchError,
    ice_links,
    whep_join,
    whip_join,
)

logger = logging.getLogger(__name__)

OFFER: Final = "application/sdp"
FRAGMENT: Final = "application/trickle-ice-sdpfrag"
#: Time limit for a request's body.
BODY_S: Final = 10.0
#: When to try again while another speaks: once its session would have ended if it had crashed.
SPEAKER_RETRY_S: Final = 15
#: What a page of another origin may send and read.
CORS: Final = {
    "Access-Control-Allow-Methods": "POST, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
    "Access-Control-Expose-Headers": f"Location, ETag, Link, Retry-After, {RECORDING_HEADER}",
    "Access-Control-Max-Age": "86400",
    "Vary": "Origin",
}

#: How long a DELETE waits for the session's end, so that the next POST finds the stream free.
LEAVE_S: Final = 2.0

Handler = Callable[[web.Request], Awaitable[web.Response]]
#: Keeps a participant of this transport, in this stream, from this address.
Keep = Callable[[HttpTransport[M], str, str], Coroutine[None, None, None]]


class _Stay(NamedTuple):
    transport: HttpTransport[Any]
    task: asyncio.Task[None]


class WhipApi:
    """The handlers. ``run`` must be running while requests come. ``speaker`` keeps speakers."""

    def __init__(self, sessions: Listening[Heard], speaker: Keep[SpeakerMessage]) -> None:
        self._sessions = sessions
        self._speaker = speaker
        self._group: asyncio.TaskGroup | None = None
        self._stays: dict[str, _Stay] = {}  # by the path of the session

    async def run(self) -> None:
        """Hold the sessions' tasks until cancelled; then end them."""
        async with asyncio.TaskGroup() as self._group:
            await asyncio.Event().wait()

    def add_routes(self, app: web.Application) -> None:
        """Serve WHIP and WHEP."""
        for kind, post in (("whip", self.speak), ("whep", self.listen)):
            endpoint = app.router.add_resource(f"/{kind}/{{stream}}")
            for method, handler in {"POST": post, "GET": _nothing, "HEAD": _nothing}.items():
                endpoint.add_route(method, self._guarded(handler))
            endpoint.add_route("OPTIONS", self._guarded(_options))
            session = app.router.add_resource(f"/{kind}/{{stream}}/{{session}}")
            for method, handler in {"DELETE": self.delete, "PATCH": self.patch}.items():
                session.add_route(method, self._guarded(handler))
            session.add_route("GET", self._guarded(self.get))
            session.add_route("OPTIONS", self._guarded(_options))

    async def speak(self, request: web.Request) -> web.Response:
        """A speaker joins (WHIP)."""
        sdp = await self._offer(request)
        transport = HttpTransport(SPEAKER, whip_join(request.query, _token(request)), sdp)
        return await self._joined(request, transport, self._speaker)

    async def listen(self, request: web.Request) -> web.Response:
        """A listener joins (WHEP)."""
        sdp = await self._offer(request)
        transport = HttpTransport(LISTENER, whep_join(request.query, _token(request)), sdp)
        return await self._joined(request, transport, self._sessions.listener)

    async def get(self, request: web.Request) -> web.Response:
        """Nothing, as RFC 9725 asks for (4.1)."""
        self._stay(request)
        return await _nothing(request)

    async def delete(self, request: web.Request) -> web.Response:
        """The participant leaves."""
        stay = self._stay(request)
        stay.transport.end()
        await asyncio.wait([stay.task], timeout=LEAVE_S)
        return web.Response()

    async def patch(self, request: web.Request) -> web.Response:
        """The participant's candidates, which are not needed; or an ICE restart."""
        stay = self._stay(request)
        fragment = await _body(request, FRAGMENT, MAX_FRAGMENT_BYTES)
        try:
            answer = await stay.transport.patch(fragment, request.headers.get("If-Match"))
        except PatchError as error:
            return _problem(error.status, str(error))
        if answer is None:
            return web.Response(status=HTTPStatus.NO_CONTENT)
        headers = {"ETag": stay.transport.etag}
        return web.Response(body=answer.encode(), content_type=FRAGMENT, headers=headers)

    def _stay(self, request: web.Request) -> _Stay:
        """That of the session whose URL this is. Raises web.HTTPNotFound."""
        if stay := self._stays.get(request.path):
            return stay
        raise web.HTTPNotFound(text="there is no such session, or it has ended")

    async def _offer(self, request: web.Request) -> str:
        sdp = await _body(request, OFFER, MAX_OFFER_BYTES)
        await self._sessions.plane.turns.wait()  # to check it takes long
        return sdp

    async def _joined(
        self, request: web.Request, transport: HttpTransport[M], keep: Keep[M]
    ) -> web.Response:
        """Begin a session, and answer its offer. Raises ProtocolError."""
        if self._group is None:
            raise ProtocolError("unavailable", "The server is starting.", retry_after_s=1)
        path = f"{request.path}/{transport.address}"
        site = self._sessions.visitor(request).site
        stream = request.match_info["stream"]
        kept = keep(transport, stream, site)
        task = self._group.create_task(
            self._keep(path, transport, kept, stream), name="http-session"
        )
        self._stays[path] = _Stay(transport, task)
        sdp = await transport.answered()
        headers = CIMultiDict({"Location": path, "ETag": transport.etag})
        headers.update(recording_header(transport.recording))
        headers.extend(("Link", link) for link in ice_links(transport.ice_servers))
        return web.Response(
            status=HTTPStatus.CREATED, body=sdp.encode(), content_type=OFFER, headers=headers
        )

    async def _keep(
        self,
        path: str,
        transport: HttpTransport[M],
        kept: Coroutine[None, None, None],
        stream: str,
    ) -> None:
        """Run a session to its end, whatever ends it."""
        try:
            await kept
        except Exception as error:  # noqa: BLE001  any bug ends this session only
            known = protocol_error(error)
            if known is None:
                logger.error("a session over HTTP ended: %s", described(error))
            transport.close(known or internal_error())
        finally:
            transport.end()
            del self._stays[path]
            self._sessions.count(transport, stream, _role(path))

    def _guarded(self, handler: Handler) -> Handler:
        """``handler`` for requests of allowed origins. Errors are answered with problem details
        (RFC 9457), which pages may read."""

        async def guarded(request: web.Request) -> web.Response:
            host = self._sessions.visitor(request).host
            try:
                refuse_foreign(request, host, self._sessions.allowed_origins)
            except web.HTTPForbidden as error:
                return _problem(error.status, error.text or "")
            try:
                response = await handler(request)
            except ProtocolError as error:
                stream = request.match_info["stream"]
                self._sessions.attendance.refused(stream, _role(request.path), error)
                response = _refusal(error)
            except web.HTTPClientError as error:
                response = _problem(error.status, error.text or "")
            if origin := request.headers.get("Origin"):
                response.headers.update({**CORS, "Access-Control-Allow-Origin": origin})
            return response

        return guarded


def _role(path: str) -> str:
    return "speaker" if path.startswith("/whip/") else "listener"


async def _nothing(request: web.Request) -> web.Response:
    return web.Response(content_type=OFFER)


async def _options(request: web.Request) -> web.Response:
    return web.Response(headers={"Accept-Post": OFFER, "Accept-Patch": FRAGMENT})


def _token(request: web.Request) -> str | None:
    return bearer_token(request.headers.get("Authorization"), request.query)


async def _body(request: web.Request, content_type: str, most: int) -> str:
    """The request's body. Raises ProtocolError, web.HTTPUnsupportedMediaType."""
    if request.content_type != content_type:
        raise web.HTTPUnsupportedMediaType(text=f"the Content-Type must be {content_type}")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.content.iter_any():
                body += piece
                if len(body) > most:
                    raise ProtocolError("too_large", f"a body of more than {most} bytes")
    except TimeoutError:
        raise ProtocolError("timeout", f"the body did not come within {BODY_S:g} s") from None
    return body.decode(errors="replace")


def _refusal(error: ProtocolError) -> web.Response:
    response = _problem(STATUSES[error.code], error.message, error.code)
    if error.code == "unauthorised":
        response.headers["WWW-Authenticate"] = "Bearer"
    retry_s = SPEAKER_RETRY_S if error.code == "speaker_present" else error.retry_after_s
    if retry_s is not None:
        response.headers["Retry-After"] = str(math.ceil(retry_s))
    return response


def _problem(status: int, detail: str, code: ErrorCode | None = None) -> web.Response:
    """Problem details (RFC 9457). ``code``: as in an error on a WebSocket."""
    problem = {"title": HTTPStatus(status).phrase, "status": int(status), "detail": detail.strip()}
    body = msgspec.json.encode(problem if code is None else {**problem, "code": code})
    return web.Response(status=status, body=body, content_type="application/problem+json")
