"""The HTTP API of recordings: switch them on and off.

GET and PUT /api/streams/{stream}/recording. Everybody may know what is recorded; an operator of
the stream may change it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
from aiohttp import hdrs, web

from server.http.access import Access
from server.recording.recorder import Recorder
from server.recording.recordings import Recordings
from signaling.errors import ProtocolError
from signaling.messages import ErrorCode, Recorded
from signaling.protocol import parse_stream_id

SWITCH: Final = "/api/streams/{stream}/recording"
#: Time limit for a request's body.
BODY_S: Final = 10.0

_STATUSES: Final[dict[ErrorCode, type[web.HTTPError]]] = {
    "bad_message": web.HTTPBadRequest,
    "unauthorised": web.HTTPUnauthorized,
    "bad_stream": web.HTTPNotFound,
    "limit": web.HTTPTooManyRequests,
    "timeout": web.HTTPRequestTimeout,
}


class _Switch(msgspec.Struct, frozen=True):
    recording: list[Recorded]


@dataclass(frozen=True)
class RecordingApi:
    """The handlers. ``recorder`` returns that of a stream, if the stream exists."""

    recordings: Recordings
    access: Access
    recorder: Callable[[str], Recorder | None]

    def add_routes(self, app: web.Application) -> None:
        """Serve the switch of each stream."""
        app.router.add_get(SWITCH, self.get)
        app.router.add_put(SWITCH, self.put)

    async def get(self, request: web.Request) -> web.Response:
        """What is recorded of the stream while somebody speaks; to an operator also why not."""
        try:
            stream, token = parse_stream_id(request.match_info["stream"]), token_of(request)
            operator = token is not None and self.access.grants(token, stream).operate
            return self._state(stream, operator)
        except ProtocolError as error:
            raise refusal(error) from error

    async def put(self, request: web.Request) -> web.Response:
        """Record what the body says: ``{"recording": ["audio", "text"]}``; [] for nothing."""
        try:
            stream = operated(self.access, request)
            async with asyncio.timeout(BODY_S):
                wanted = msgspec.json.decode(await request.read(), type=_Switch)
            self.recordings.ask(stream, wanted.recording)
        except ProtocolError as error:
            raise refusal(error) from error
        except TimeoutError as error:
            raise refusal(ProtocolError("timeout", "the request's body did not come")) from error
        except msgspec.MsgspecError as error:
            text = f'{error}; expected {{"recording": ["audio", "text"]}}, or [] for nothing'
            raise refusal(ProtocolError("bad_message", text)) from error
        if recorder := self.recorder(stream):
            recorder.asked()
        return self._state(stream, operator=True)

    def _state(self, stream: str, operator: bool) -> web.Response:
        recorder = self.recorder(stream)
        kinds = self.recordings.kinds(stream) if recorder is None else recorder.kinds
        state = {"recording": kinds, "running": recorder is not None and recorder.is_running}
        if operator:
            state["problem"] = "" if recorder is None else recorder.problem
        return web.json_response(state)


def token_of(request: web.Request) -> str | None:
    """The token in a request's header, or in its address: browsers save from an address."""
    given = request.headers.get(hdrs.AUTHORIZATION, "")
    return given.removeprefix("Bearer ").strip() or request.query.get("token") or None


def operated(access: Access, request: web.Request) -> str:
    """The name of the stream in a request's path. Raises ProtocolError if the client may not
    operate it."""
    stream = parse_stream_id(request.match_info["stream"])
    access.grants(token_of(request), stream).require("operate")
    return stream


def refusal(error: ProtocolError) -> web.HTTPError:
    """The answer to a request that is refused."""
    text = msgspec.json.encode({"code": error.code, "message": error.message}).decode()
    kind = _STATUSES.get(error.code, web.HTTPForbidden)
    return kind(text=text, content_type="application/json")
