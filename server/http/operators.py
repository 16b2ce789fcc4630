"""Who may use the HTTP APIs for operators, and what they send."""

import asyncio
from typing import Final, TypeVar

import msgspec
from aiohttp import hdrs, web

from server.decoding import understood
from server.http.access import Access
from signaling.errors import ProtocolError
from signaling.protocol import parse_stream_id
from signaling.tokens import bearer_token

#: Time limit for a request's body.
BODY_S: Final = 10.0

T = TypeVar("T")


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


def operates(access: Access, request: web.Request) -> None:
    """Raises ProtocolError if the client may operate no stream: see ``claimed``."""
    token = bearer_token(request.headers.get(hdrs.AUTHORIZATION), {})
    claimed(access, request, access.stream_of(token))


def claimed(access: Access, request: web.Request, stream: str) -> None:
    """Raises ProtocolError if the client may not operate ``stream``; "*": all. The token must be
    in the header: nobody does anything by following a link."""
    token = bearer_token(request.headers.get(hdrs.AUTHORIZATION), {})
    access.grants(token, stream).require("operate")


async def body_of(request: web.Request, kind: type[T], expected: str = "") -> T:
    """What a request says, as JSON. ``expected`` is told whoever sends something else. Raises
    ProtocolError."""
    try:
        async with asyncio.timeout(BODY_S):
            return understood(msgspec.json.Decoder(kind), await request.read())
    except TimeoutError as error:
        raise ProtocolError("timeout", "the request's body did not come") from error
    except msgspec.DecodeError as error:
        text = f"{error}; expected {expected}" if expected else str(error)
        raise ProtocolError("bad_message", text) from error
