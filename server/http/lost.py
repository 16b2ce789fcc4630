"""Leads people who open an address that there is not to one that there is.

Addresses are typed in from a slide, and copied with a slash or a full stop too many. Programs,
which do not ask for HTML, get their 404 as it is.
"""

from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from server.http.first import First
from server.http.pages import Page
from signaling.errors import ProtocolError
from signaling.protocol import parse_stream_id

#: The pages of a stream: /listen/{stream}.
PAGES: Final = ("speak", "listen", "captions")
#: What stands around an address in a sentence.
_AROUND: Final = " .,;:!?()\"'<>"
#: People do not type addresses with more slashes, and the page would be as long as they are.
MOST_FOLDERS: Final = 8
_PROGRAMS: Final = ("/api/", "/static/", "/ws")


def helped(start: Page, first: First) -> Middleware:
    """A middleware. ``start``: the start page, which is shown where there is no other."""

    @web.middleware
    async def helping(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPNotFound:
            if not _is_visit(request) or request.path.count("/") > MOST_FOLDERS:
                raise
        place = _meant(request.path)
        up = "../" * (request.path.count("/") - 1) or "./"
        if place is not None:
            query = f"?{request.query_string}" if request.query_string else ""
            raise web.HTTPTemporaryRedirect(up + place + query)
        missing = "name" if _page_of(request.path) else "page"
        told = {"streams": first.streams(), "missing": missing}
        response = start.answer(request, told, up.removeprefix("./"))
        if response.status == 200:
            response.set_status(404)
        return response

    return helping


def _is_visit(request: web.Request) -> bool:
    """Whether a person opened the address in a browser."""
    return (
        request.method in (hdrs.METH_GET, hdrs.METH_HEAD)
        and "text/html" in request.headers.get(hdrs.ACCEPT, "")
        and not request.path.startswith(_PROGRAMS)
    )


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _page_of(path: str) -> str | None:
    """The page of a stream that the path begins with, in any letters."""
    page = (_parts(path) or [""])[0].lower()
    return page if page in PAGES else None


def _meant(path: str) -> str | None:
    """The path, below the start page, that the path was meant for; None if that is not clear."""
    page, parts = _page_of(path), _parts(path)
    if page is None or len(parts) > 2:
        return None
    if len(parts) == 1:
        return ""
    try:
        meant = f"{page}/{parse_stream_id(parts[1].strip(_AROUND))}"
    except ProtocolError:
        return None
    return meant if f"/{meant}" != path else None
