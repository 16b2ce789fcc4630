"""Serves the files of the pages from memory. They are read, joined and compressed once, at the
start. Each page gets there what pages have in common, the files in ``parts``.

A page is drawn two round trips after its HTML, also over a slow link:

- its modules come as one file, see ``bundle``. They are still served one by one as well;
- the texts in the visitor's language are asked for together with it;
- what the page would ask for first is written into it, as JSON: ``#first``.

aiohttp would open and send each file in threads, every time, and a whole audience opens a page at
the same moment.
"""

import gzip
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

import msgspec
from aiohttp import ETag, hdrs, web

from server.http.bundle import bundle

_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
_SCRIPT: Final = re.compile(
    r' *<script type="module" src="(?:\.\./)*static/js/(\w+)\.js"></script>\n'
)
#: In a page, the file that stands in place of this line.
_PART: Final = re.compile(r" *<!-- (parts/\w+\.html) -->\n")
#: Pages that are kept as they were sent last, for the next who opens them in the same state.
KEPT: Final = 64

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
#: What a page is told with itself, by name.
First = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Pages:
    """``files``: by path relative to the folder, such as "js/listen.js". ``html``: the pages, such
    as "listen.html"."""

    files: dict[str, "_File"]
    html: dict[str, "Page"]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """All files below ``folder`` that browsers ask for. Raises BundleError."""
        languages = sorted(path.stem for path in folder.glob("js/texts/*.js"))
        sources = {path.stem: path.read_text("utf8") for path in folder.glob("js/*.js")}
        paths = (path for path in folder.rglob("*") if path.suffix in _TYPES)
        files = {path.relative_to(folder).as_posix(): _File.read(path) for path in paths}
        html = {}
        for path in folder.glob("*.html"):
            text = _whole(path.read_text("utf8"), folder)
            if entries := [script[1] for script in _scripts(text)]:
                joined = f"js/{entries[-1]}.bundle.js"
                files[joined] = _File.of(".js", bundle(entries, sources).encode())
            html[path.name] = Page.of(text, languages)
        return cls(files, html)

    def page(self, name: str, first: Callable[[web.Request], First] = lambda _: {}) -> Handler:
        """A handler that sends the page ``name``. ``first`` returns what it is told."""
        page = self.html[name]

        async def send(request: web.Request) -> web.StreamResponse:
            return page.answer(request, first(request))

        return send

    async def send(self, request: web.Request) -> web.StreamResponse:
        """Handler: send the file that ``{path}`` in the route names."""
        file = self.files.get(request.match_info["path"])
        if file is None:
            raise web.HTTPNotFound
        return file.answer(request)


@dataclass(frozen=True, slots=True)
class Page:
    """An HTML file, in the two parts between which its further lines come. ``languages``: those
    that the pages can speak."""

    begin: str
    end: str
    up: str
    languages: tuple[str, ...]

    @classmethod
    def of(cls, text: str, languages: list[str]) -> Self:
        """The page in ``text``: it loads its modules as one."""
        text = text.replace("<html ", f'<html data-languages="{" ".join(languages)}" ', 1)
        scripts = _scripts(text)
        for script in scripts[:-1]:
            text = text.replace(script[0], "", 1)
        if scripts:
            joined = scripts[-1][0].replace(".js", ".bundle.js")
            text = text.replace(scripts[-1][0], joined, 1)
        begin, head, end = text.partition("</head>")
        return cls(begin, head + end, _way_up(text), tuple(languages))

    def answer(self, request: web.Request, first: First, up: str | None = None) -> web.Response:
        """The page for a request. ``up``: the way from its address to the start page, such as
        "../", if that is not where the page usually is."""
        language = preferred(request.headers.get(hdrs.ACCEPT_LANGUAGE, ""), self.languages)
        file = _filled(self, language, msgspec.json.encode(first), self.up if up is None else up)
        response = file.answer(request)
        response.headers[hdrs.VARY] = f"{hdrs.ACCEPT_ENCODING}, {hdrs.ACCEPT_LANGUAGE}"
        return response


def _whole(text: str, folder: Path) -> str:
    """A page with its parts. In a part, addresses are those of a page one folder down."""
    static = f'"{_way_up(text)}static/'

    def part(line: re.Match[str]) -> str:
        return (folder / line[1]).read_text("utf8").replace('"../static/', static)

    return _PART.sub(part, text)


def _way_up(text: str) -> str:
    """The way from a page's address to the start page, such as "../"."""
    found = re.search(r'"((?:\.\./)*)static/', text)
    return found[1] if found else ""


def _scripts(text: str) -> list[re.Match[str]]:
    """The modules that a page loads, if they can be joined: all are in ``js`` itself."""
    found = list(_SCRIPT.finditer(text))
    return found if len(found) == text.count('<script type="module"') else []


@lru_cache(KEPT)
def _filled(page: Page, language: str, first: bytes, up: str) -> "_File":
    told = first.decode().replace("<", "\\u003c")
    lines = (
        f'  <link rel="modulepreload" href="{page.up}static/js/texts/{language}.js">\n'
        f'  <script type="application/json" id="first">{told}</script>\n'
    )
    text = page.begin + lines + page.end
    if up != page.up:
        text = re.sub(rf'(href|src)="{re.escape(page.up)}(?=static/)', rf'\1="{up}', text)
    return _File.of(".html", text.encode())


def preferred(accepted: str, languages: tuple[str, ...]) -> str:
    """The one of ``languages`` that an Accept-Language header prefers; "en" if it has none."""
    tags = []
    for place, part in enumerate(accepted.split(",")[:20]):
        tag, _, weight = part.partition(";q=")
        try:
            tags.append((-float(weight or 1), place, tag.strip().split("-")[0].lower()))
        except ValueError:
            continue
    return next((tag for _, _, tag in sorted(tags) if tag in languages), "en")


@dataclass(frozen=True, slots=True)
class _File:
    content_type: str
    plain: bytes
    compressed: bytes
    tag: str

    @classmethod
    def read(cls, path: Path) -> Self:
        return cls.of(path.suffix, path.read_bytes())

    @classmethod
    def of(cls, suffix: str, body: bytes) -> Self:
        return cls(
            content_type=_TYPES[suffix],
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
