"""Who may use the HTTP APIs for operators."""

from aiohttp import hdrs, web

from server.http.access import Access
from signaling.protocol import parse_stream_id
from signaling.tokens import bearer_token


def token_of(request: web.Request) -> str | None:
    """The token of a request. Browsers save files from an address, so it may be there. Raises
    ProtocolError."""
    return bearer_token(request.headers.get(hdrs.AUTHORIZATION), request.query)


def operated(access: Access, request: web.Request) -> str:
    """The name of the stream in a request's path. Raises ProtocolError if the client may not
    operate it."""
    stream = parse_stream_id(request.match_info["stream"])
    access.grants(token_of(request), stream).require("operate")
    return stream
