"""Which web pages may connect: a check of the Origin header."""

import asyncio
import logging
from collections.abc import Collection
from typing import Final

from aiohttp import web

from signaling.errors import excerpt
from signaling.rates import Bucket

_PORTS: Final = {"http": ":80", "https": ":443"}

_log: Final = logging.getLogger(__name__)
#: Lines in the log about refused pages, at most: one in 10 s, or ten at once. Anybody can cause
#: them.
LINES: Final = Bucket(0.1, 10)


def origin_allowed(origin: str | None, host: str, allowed: Collection[str]) -> bool:
    """Whether a page of ``origin`` may connect. Without an Origin header the client is no browser
    page, and may.

    ``host``: the server's name and port as the participant sees them; a scheme's usual port may be
    left out or not. ``allowed``: further origins, such as "https://example.org".
    """
    if origin is None:
        return True
    scheme, _, authority = origin.lower().partition("://")
    same_host = scheme in _PORTS and authority == host.lower().removesuffix(_PORTS[scheme])
    return same_host or origin.lower() in {entry.lower().rstrip("/") for entry in allowed}


def refuse_foreign(request: web.Request, host: str | None, allowed: Collection[str]) -> None:
    """Raises web.HTTPForbidden if the request comes from a page whose origin is not allowed.
    ``host``: as in ``origin_allowed``; None: the request's."""
    origin = request.headers.get("Origin")
    own = request.host if host is None else host
    if origin_allowed(origin, own, allowed):
        return
    shown = excerpt(origin or "", 100)
    if LINES.take(asyncio.get_running_loop().time()):
        _log.warning(
            "a page of another address was not allowed to connect; it shows which. If people use "
            "that address, give it with --public-url; if it is another site's, with "
            "--allowed-origins. A proxy should pass on the Host header, or X-Forwarded-Host (with "
            "--trusted-proxies)"
        )
    raise web.HTTPForbidden(
        text=f"Pages of {shown} may not connect to this server. If people use this address, the "
        "server needs it as --public-url; if it is another site's, as --allowed-origins.\n"
    )
