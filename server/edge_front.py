"""Builds what listeners of an edge reach by HTTP: pages, signaling, sound and captions. Whoever
wants to do more is told a hub's address."""

from dataclasses import dataclass
from typing import Any, Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from server import banner
from server.cluster.origins import Origins
from server.front import runner
from server.http import netinfo
from server.http.first import First
from server.http.hosts import only_for
from server.http.malformed import well_formed
from server.http.site import Web
from server.http.watching import Watching
from server.http.whip import WhipApi
from server.instance import Instance
from server.media.plane import MediaPlane
from server.metrics import Metrics
from server.models.current import Current
from server.streams.attendance import Attendance
from server.streams.guesses import Guesses
from server.streams.listening import Listening
from server.streams.over_http import OverHttp
from server.streams.relayed_stream import RelayedStream
from server.streams.relayed_streams import RelayedStreams
from signaling.errors import ProtocolError
from signaling.messages import SpeakerMessage
from signaling.protocol import INTERPRETER, SPEAKER, TALK, Role
from signaling.transport import Transport

#: What only hubs do.
_AT_HUBS: Final = ("speak", "interpret", "operate", "whip")
_API_AT_HUBS: Final = ("glossary", "recording", "recordings")


@dataclass
class EdgeServer(Instance):
    """An edge. ``models``: of all its hubs."""

    metrics: Metrics
    models: Current
    origins: Origins
    live: RelayedStreams


@dataclass(frozen=True)
class EdgeListening(Listening[RelayedStream]):
    """The WebSocket handlers of an edge. ``origins``: says where one speaks."""

    origins: Origins

    def add_routes(self, app: web.Application) -> None:
        """Serve listeners, and tell others where to go."""
        super().add_routes(app)
        for path, role in (
            ("/ws/speak/{stream}", SPEAKER),
            ("/ws/interpret/{stream}/{language}", INTERPRETER),
            ("/ws", TALK),
        ):
            app.router.add_get(path, self._refusing(role))

    def _refusing(self, role: Role[Any]) -> Handler:
        async def refuse(request: web.Request) -> web.StreamResponse:
            stream = request.match_info.get("stream", "")
            async with self.accept(request, role, self.visitor(request)) as connection:
                await self.speaker(connection, stream, "")
            return self.ended(connection, request, role.name)

        return refuse

    async def speaker(
        self, connection: Transport[SpeakerMessage], stream: str, address: str
    ) -> None:
        """Raises ProtocolError: nobody speaks at an edge."""
        raise self.elsewhere(stream)

    def elsewhere(self, stream: str) -> ProtocolError:
        """Where one speaks."""
        url = self.origins.url(stream)
        at = f"Connect to {url}." if url else "Connect to the server of the host who speaks."
        return ProtocolError("elsewhere", f"This server is for listeners. {at}", url=url or None)


def listening_of(edge: EdgeServer, plane: MediaPlane) -> EdgeListening:
    """The sessions of ``edge``."""
    given = edge.given
    attendance = Attendance(
        edge.manager, edge.live, given.access, edge.models, edge.metrics,
        Guesses(edge.config.max_sessions_per_address),
    )  # fmt: skip
    return EdgeListening(
        attendance, plane, edge.edges, given.others, given.visitor, given.ice_servers,
        edge.config.public_url, edge.origins,
    )  # fmt: skip


def site_of(edge: EdgeServer, listening: EdgeListening, whip: WhipApi) -> web.AppRunner:
    """The pages, the API and the sessions of ``edge``."""
    given = edge.given
    own = only_for(given.own, given.visitor, edge.metrics)
    application = web.Application(middlewares=[own, well_formed, _to_hubs(listening)])

    def external_url(request: web.Request) -> str:
        return banner.shared_url(edge.config, given.visitor(request), netinfo.lan_addresses())

    public = edge.config.public_streams
    first = First(edge.origins, edge.live, edge.models, given.access, public)
    watching = Watching(given.access, given.metrics_from, given.visitor)
    pages = Web(
        edge.manager, edge.origins, edge.edges, edge.metrics, external_url, watching, first,
        given.others,
    )  # fmt: skip
    over_http = OverHttp(listening.attendance, given.visitor, given.others.origins)
    for each in (pages, listening, over_http, whip):
        each.add_routes(application)
    return runner(application)


def _to_hubs(listening: EdgeListening) -> Middleware:
    """A middleware that sends those elsewhere who want what an edge does not do: by a redirect,
    which keeps an address's token, as that is behind its #."""

    @web.middleware
    async def redirecting(request: web.Request, handler: Handler) -> web.StreamResponse:
        words = request.path.split("/")[1:]
        if not _is_at_hubs(words) or request.method == hdrs.METH_OPTIONS:
            return await handler(request)
        stream = (words[2:] if words[0] == "api" else words[1:])[:1]
        elsewhere = listening.elsewhere(*stream or [""])
        if elsewhere.url is None:
            raise web.HTTPMisdirectedRequest(text=elsewhere.message + "\n")
        raise web.HTTPTemporaryRedirect(elsewhere.url.rstrip("/") + request.path_qs)

    return redirecting


def _is_at_hubs(words: list[str]) -> bool:
    match words:
        case ["api", "operate" | "recordings", *_]:
            return True
        case ["api", "streams", _, what, *_]:
            return what in _API_AT_HUBS
        case [first, *_]:
            return first in _AT_HUBS
    return False
