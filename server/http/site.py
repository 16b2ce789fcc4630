"""The pages and the HTTP API: health, metrics, languages, the list of streams."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aiohttp import web, web_response
from prometheus_client import generate_latest

from server.bus.supervisor import Ready
from server.edge.remote import Edge
from server.http.codes import Codes
from server.http.first import First
from server.http.hosts import OWN_HOST
from server.http.lost import helped
from server.http.operators import token_of
from server.http.others import Others, origin_of
from server.http.pages import Handler, Pages
from server.http.refusals import Refusal
from server.http.watching import Watching
from server.metrics import Metrics
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
    request tells it. ``others``: servers where listeners can go on; ``spread``: lead them there at
    once."""

    manager: ConnectionManager
    supervisor: Ready
    edges: Sequence[Edge]
    metrics: Metrics
    external_url: Callable[[web.Request], str]
    watching: Watching
    first: First
    others: Others
    spread: bool = False
    codes: Codes = field(default_factory=Codes)

    def add_routes(self, app: web.Application) -> None:
        """Serve the pages and what they and operators ask for."""
        add = app.router.add_get
        pages = Pages.read(ROOT)
        add("/", pages.page("index.html", lambda request: {"streams": self.first.streams()}))
        for name in ("speak", "listen", "captions"):
            page = pages.page(f"{name}.html", self._first)
            spread = name != "speak" and self.spread
            add(f"/{name}/{{stream}}", _of_a_stream(self._spread(page) if spread else page))
        add("/interpret/{stream}/{language}", _of_a_stream(pages.page("interpret.html")))
        add("/operate", pages.page("operate.html"))
        app.middlewares.append(helped(pages.html["index.html"], self.first))
        add("/qr/{stream}.svg", _of_a_stream(self.qr_code))
        add("/api/languages", self.languages)
        add("/api/streams", self.streams)
        add("/healthz", self.healthz)
        add("/readyz", self.readyz)
        add("/metrics", self.prometheus)
        add("/static/{path:.+}", pages.send)
        app.on_response_prepare.append(self._add_security_headers)
        app.on_cleanup.append(self.codes.close)
        # aiohttp's own name and version would also be in answers that no handler sees.
        vars(web_response)["SERVER_SOFTWARE"] = "Tolk"

    async def qr_code(self, request: web.Request) -> web.Response:
        """A QR code of the URL where to listen to a stream, with ``?language=`` in that language.
        Its title is the same URL. If listening needs a token, and the request has one that allows
        to be in the stream, the URL has a listener's token: see ``Access.invitation``."""
        stream = request.match_info["stream"]
        address = f"{self.external_url(request)}/listen/{stream}"
        if language := request.query.get("language"):
            if language not in self.first.channels:
                raise web.HTTPNotFound(text="Nothing is interpreted into this language here.\n")
            address += f"?language={language}"
        try:
            if invitation := self.first.access.invitation(token_of(request), stream):
                address += f"#token={invitation}"
            drawn = await self.codes.drawn(address, secret=bool(invitation))
        except ProtocolError as error:
            self.metrics.refused.labels(error.code).inc()
            raise Refusal(error) from error
        headers = {"Cache-Control": "no-store"} if invitation else {}
        return web.Response(text=drawn, content_type="image/svg+xml", headers=headers)

    def _spread(self, page: Handler) -> Handler:
        """A handler that leads visitors to the best edge for the stream. If there is none they get
        the page here. What is behind the # of an address, its token, stays."""

        async def handler(request: web.Request) -> web.StreamResponse:
            for url in self.others.best(request.match_info["stream"])[:1]:
                self.others.sent(url)
                raise web.HTTPTemporaryRedirect(url.rstrip("/") + request.path_qs)
            return await page(request)

        return handler

    def _first(self, request: web.Request) -> dict[str, object]:
        """What a page of a stream is told. Raises web.HTTPTemporaryRedirect to the stream that is
        meant, if only capitals differ."""
        stream = request.match_info["stream"]
        if (meant := self.first.meant(stream)) != stream:
            query = f"?{request.query_string}" if request.query_string else ""
            raise web.HTTPTemporaryRedirect(meant + query)
        return self.first.of_a_stream(stream)

    async def languages(self, request: web.Request) -> web.Response:
        """See ``First.languages``."""
        return web.json_response(self.first.languages())

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
                        "listeners": stream.listening,
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
            missing.append(self.supervisor.missing)
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

    async def _add_security_headers(
        self, request: web.Request, response: web.StreamResponse
    ) -> None:
        # Browsers before CSP 3, such as Safari 15.3, do not count WebSockets to 'self'.
        host = request.get(OWN_HOST, "")
        sockets = f" ws://{host} wss://{host}" if host else ""
        # A page goes on there if this server is lost.
        for url in self.others.best(request.match_info.get("stream", "")):
            sockets += " " + origin_of(url).replace("http", "ws", 1)
        response.headers.setdefault("Content-Security-Policy", POLICY.format(sockets=sockets))
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        # Pages are small and change with the server, so browsers ask each time whether they did.
        response.headers.setdefault("Cache-Control", "no-cache")

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
