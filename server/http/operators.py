"""What the HTTP APIs for operators share: who may use them, and how they refuse."""

from typing import Final

import msgspec
from aiohttp import hdrs, web

from server.http.access import Access
from signaling.errors import ProtocolError
from signaling.messages import ErrorCode
from signaling.protocol import parse_stream_id

_STATUSES: Final[dict[ErrorCode, type[web.HTTPError]]] = {
    "bad_message": web.HTTPBadRequest,
    "unauthorised": web.HTTPUnauthorized,
    "bad_stream": web.HTTPNotFound,
    "limit": web.HTTPTooManyRequests,
    "timeout": web.HTTPRequestTimeout,
}


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
