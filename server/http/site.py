"""The pages and the HTTP API: health, metrics, languages, the list of streams."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import segno
from aiohttp import web, web_response
from prometheus_client import generate_latest

from server.bus.supervisor import Supervisor
from server.edge.remote import Edge
from server.http.hosts import OWN_HOST
from server.http.pages import Handler, Pages
from server.http.watching import Watching
from server.metrics import Metrics
from server.models.current import Current
from server.streams.registry import ConnectionManager
from signaling.errors import ProtocolError
from signaling.protocol import parse_stream_id
from static import ROOT

#: Nothing is loaded from elsewhere or sent there, nothing inline is run, nobody may frame the pages
#: or hold a window of them. ``sockets``: see ``_add_security_headers``.
POLICY = (
    "default-src 'self'; connect-src 'self'{sockets}; img-src 'self' data:; "
    "media-src 'self' blob: mediastream:; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
SECURITY_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), screen-wake-lock=(self), camera=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Web:
    """The handlers. ``external_url`` returns the server's URL to pass on to others, as far as a
    request tells it."""

    manager: ConnectionManager
    models: Current
    supervisor: Supervisor
    edges: Sequence[Edge]
    metrics: Metrics
    external_url: Callable[[web.Request], str]
    watching: Watching

    def add_routes(self, app: web.Application) -> None:
        """Serve the pages and what they and operators ask for."""
        add = app.router.add_get
        pages = Pages.read(ROOT)
        add("/", pages.page("index.html"))
        for name in ("speak", "listen", "captions"):
            add(f"/{name}/{{stream}}", _of_a_stream(pages.page(f"{name}.html")))
        add("/qr/{stream}.svg", _of_a_stream(self.qr_code))
        add("/api/languages", self.languages)
        add("/api/streams", self.streams)
        add("/healthz", self.healthz)
        add("/readyz", self.readyz)
        add("/metrics", self.prometheus)
        add("/static/{path:.+}", pages.send)
        app.on_response_prepare.append(_add_security_headers)
        # aiohttp's own name and version would also be in answers that no handler sees.
        vars(web_response)["SERVER_SOFTWARE"] = "Tolk"

    async def qr_code(self, request: web.Request) -> web.Response:
        """A QR code of the URL where to listen to a stream. Its title is the same URL."""
        image = io.BytesIO()
        address = f"{self.external_url(request)}/listen/{request.match_info['stream']}"
        segno.make(address, micro=False).save(
            image, kind="svg", scale=8, border=2, dark="#000", light="#fff", title=address
        )
        return web.Response(body=image.getvalue(), content_type="image/svg+xml")

    async def languages(self, request: web.Request) -> web.Response:
        """The languages that can be spoken, the targets of each, whether the spoken language can
        be detected ("auto"), and the languages whose voice is hard to understand ("unclear")."""
        sources = self.models.catalogue.sources
        return web.json_response(
            {
                "sources": sources,
                "targets": {source: self.models.catalogue.targets(source) for source in sources},
                "auto": bool(self.models.catalogue.told_apart),
                "unclear": self.models.catalogue.unclear,
            }
        )

    async def streams(self, request: web.Request) -> web.Response:
        """The list of streams: see ``Watching``. If listening needs a token, everybody needs an
        operator's for this."""
        if refused := self._refused(request, here=self.watching.access.everybody_may_listen):
            return refused
        return web.json_response(
            {
                "streams": [
                    {
                        "id": stream.id,
                        "state": stream.state,
                        "source": stream.source,
                        "listeners": len(stream.listeners),
                        "channels": stream.audience(),
                    }
                    for stream in self.manager.streams.values()
                    if not stream.is_private
                ]
            }
        )

    async def healthz(self, request: web.Request) -> web.Response:
        """200 as long as the process serves."""
        return web.json_response({"status": "ok"})

    async def readyz(self, request: web.Request) -> web.Response:
        """200 if the models are loaded, the interpreter reports in time and the server is not
        stopping; else 503 and what is missing. Also the number of media processes that accept
        listeners."""
        missing = []
        if not self.supervisor.ready:
            missing.append(
                f"the interpreter has not loaded its models (lost {self.supervisor.restarts} "
                "times so far; its log says why)"
            )
        if self.manager.draining:
            missing.append("the server is stopping")
        said = {
            "ready": not missing,
            "missing": missing,
            "media_processes": 1 + sum(each.ready for each in self.edges),
        }
        return web.json_response(said, status=503 if missing else 200)

    async def prometheus(self, request: web.Request) -> web.Response:
        """All metrics, in the text format of Prometheus: see ``Watching``."""
        if refused := self._refused(request):
            return refused
        body = generate_latest(self.metrics.registry)
        return web.Response(
            body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    def _refused(self, request: web.Request, *, here: bool = True) -> web.Response | None:
        try:
            self.watching.check(request, here=here)
        except ProtocolError as error:
            self.metrics.refused.labels(error.code).inc()
            said = {"code": error.code, "message": error.message}
            if error.code == "forbidden":
                return web.json_response(said, status=403)
            return web.json_response(said, status=401, headers={"WWW-Authenticate": "Bearer"})
        return None


def _of_a_stream(send: Handler) -> Handler:
    """A handler that calls ``send`` if the path contains a valid stream name, else answers 404."""

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            parse_stream_id(request.match_info["stream"])
        except ProtocolError as error:
            raise web.HTTPNotFound(text=str(error)) from error
        return await send(request)

    return handler


async def _add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    # Browsers before CSP 3, such as Safari 15.3, do not count WebSockets to 'self'.
    host = request.get(OWN_HOST, "")
    sockets = f" ws://{host} wss://{host}" if host else ""
    response.headers.setdefault("Content-Security-Policy", POLICY.format(sockets=sockets))
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    # Pages are small and change with the server, so browsers ask each time whether they did.
    response.headers.setdefault("Cache-Control", "no-cache")
