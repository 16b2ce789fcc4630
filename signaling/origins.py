"""Whose pages may talk to us."""

from collections.abc import Collection

from aiohttp import web

from signaling.errors import excerpt


def origin_allowed(origin: str | None, host: str, allowed: Collection[str]) -> bool:
    """Whether a page of ``origin`` may talk to us. No Origin at all: a script, not a page.

    ``host`` is our name and port as the participant sees them, ``allowed`` holds further
    origins such as "https://example.org".
    """
    if origin is None:
        return True
    scheme, _, authority = origin.lower().partition("://")
    same_host = scheme in ("http", "https") and authority == host.lower()
    return same_host or origin.lower() in {entry.lower().rstrip("/") for entry in allowed}


def refuse_foreign(request: web.Request, host: str | None, allowed: Collection[str]) -> None:
    """Raise web.HTTPForbidden for a page of an origin that is not allowed."""
    origin = request.headers.get("Origin")
    if not origin_allowed(origin, host or request.host, allowed):
        raise web.HTTPForbidden(
            text=f"Pages of {excerpt(origin or '', 100)} may not talk to this server. "
            "If they should, add their origin to the server's configuration.\n"
        )
