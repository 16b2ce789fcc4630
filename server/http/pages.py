"""Serves the files of the pages from memory. They are read and compressed once, at the start.
Each page is told there which languages it can speak: those of the files in ``js/texts``.

A page consists of about twenty files, and a whole audience opens it at the same moment. aiohttp
would open and send each file in threads, every time.
"""

import gzip
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from aiohttp import ETag, hdrs, web

_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Pages:
    """``files``: by path relative to the folder, such as "js/listen.js"."""

    files: dict[str, "_File"]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """All files below ``folder`` that browsers ask for."""
        languages = " ".join(sorted(path.stem for path in folder.glob("js/texts/*.js")))
        paths = (path for path in folder.rglob("*") if path.suffix in _TYPES)
        return cls(
            {path.relative_to(folder).as_posix(): _File.read(path, languages) for path in paths}
        )

    def page(self, name: str) -> Handler:
        """A handler that sends the file ``name``."""
        file = self.files[name]

        async def send(request: web.Request) -> web.StreamResponse:
            return file.answer(request)

        return send

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Handler: send the file that ``{path}`` in the route names."""
        file = self.files.get(request.match_info["path"])
        if file is None:
            raise web.HTTPNotFound
        return file.answer(request)


@dataclass(frozen=True, slots=True)
class _File:
    content_type: str
    plain: bytes
    compressed: bytes
    tag: str

    @classmethod
    def read(cls, path: Path, languages: str) -> Self:
        body = path.read_bytes()
        if path.suffix == ".html":
            body = body.replace(b"<html ", f'<html data-languages="{languages}" '.encode(), 1)
        return cls(
            content_type=_TYPES[path.suffix],
            plain=body,
            compressed=gzip.compress(body, mtime=0),
            tag=hashlib.sha256(body).hexdigest()[:16],
        )

    def answer(self, request: web.Request) -> web.Response:
        known = request.if_none_match or ()
        if any(tag.value in (self.tag, "*") for tag in known):
            response = web.Response(status=304)
        elif "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
            response = web.Response(body=self.compressed, content_type=self.content_type)
            response.headers[hdrs.CONTENT_ENCODING] = "gzip"
        else:
            response = web.Response(body=self.plain, content_type=self.content_type)
        response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
        response.etag = ETag(self.tag, is_weak=True)  # weak, as both encodings share it
        return response
