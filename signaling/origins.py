"""Which web pages may connect: a check of the Origin header."""

from collections.abc import Collection

from aiohttp import web

from signaling.errors import excerpt


def origin_allowed(origin: str | None, host: str, allowed: Collection[str]) -> bool:
    """Whether a page of ``origin`` may connect. Without an Origin header the client is no browser
    page, and may.

    ``host``: the server's name and port as the participant sees them. ``allowed``: further
    origins, such as "https://example.org".
    """
    if origin is None:
        return True
    scheme, _, authority = origin.lower().partition("://")
    same_host = scheme in ("http", "https") and authority == host.lower()
    return same_host or origin.lower() in {entry.lower().rstrip("/") for entry in allowed}


def refuse_foreign(request: web.Request, host: str | None, allowed: Collection[str]) -> None:
    """Raises web.HTTPForbidden if the request comes from a page whose origin is not allowed.
    ``host``: as in ``origin_allowed``; None: the request's."""
    origin = request.headers.get("Origin")
    own = request.host if host is None else host
    if not origin_allowed(origin, own, allowed):
        raise web.HTTPForbidden(
            text=f"Pages of {excerpt(origin or '', 100)} may not connect to this server. "
            "To allow them, add their origin to the server's configuration.\n"
        )
