"""Builds what clients of a server reach by HTTP: the pages, the API and the sessions."""

from typing import Final

from aiohttp import web

from server import banner
from server.http import netinfo
from server.http.first import First
from server.http.glossary_api import GlossaryApi
from server.http.hosts import only_for
from server.http.malformed import request_log, well_formed
from server.http.recording_api import RecordingApi
from server.http.site import Web
from server.http.watching import Watching
from server.http.whip import WhipApi
from server.instance import Server
from server.media.plane import MediaPlane
from server.operate.api import OperateApi
from server.streams.attendance import Attendance
from server.streams.guesses import Guesses
from server.streams.interpreting import Interpreting
from server.streams.over_http import OverHttp
from server.streams.session import Sessions

#: A connection is closed if a request's headers take longer.
HEADERS_S: Final = 10.0
#: After SIGTERM sessions are told, and have this long to end before they are cancelled.
GOODBYE_S: Final = 1.5


def sessions_of(server: Server, plane: MediaPlane) -> Sessions:
    """The sessions of ``server``."""
    given = server.given
    attendance = Attendance(
        server.manager, server.live, server.access, given.models, server.metrics,
        Guesses(server.config.max_sessions_per_address), server.context.logbook,
    )  # fmt: skip
    return Sessions(
        attendance, plane, server.edges, given.others, given.visitor,
        given.ice_servers, server.config.public_url,
    )  # fmt: skip


def site_of(server: Server, sessions: Sessions, whip: WhipApi) -> web.AppRunner:
    """The pages, the API and the sessions of ``server``."""
    given = server.given
    own = only_for(given.own, given.visitor, server.metrics)
    application = web.Application(middlewares=[own, well_formed])

    def external_url(request: web.Request) -> str:
        return banner.shared_url(server.config, given.visitor(request), netinfo.lan_addresses())

    first = First(
        server.manager, server.live, given.models, server.access, server.config.public_streams
    )
    pages = Web(
        server.manager, server.interpreters, server.edges, server.metrics, external_url,
        Watching(server.access, given.metrics_from, given.visitor), first,
        given.others, server.config.spread == "auto",
    )  # fmt: skip
    glossaries = GlossaryApi(
        given.glossaries, given.glossary_files, server.access, server.live.publish_glossary
    )
    over_http = OverHttp(sessions.attendance, given.visitor, given.others.origins)
    recordings = RecordingApi(server.context.recordings, server.access, server.live.recorder)
    operate = OperateApi(server.board, server.live, server.access, given.models, external_url)
    people = Interpreting(sessions)
    for each in (pages, glossaries, recordings, sessions, people, over_http, whip, operate):
        each.add_routes(application)
    return runner(application)


def runner(application: web.Application) -> web.AppRunner:
    """What serves ``application``."""
    return web.AppRunner(
        application,
        shutdown_timeout=GOODBYE_S,
        keepalive_timeout=HEADERS_S,
        access_log=None,
        logger=request_log(),
        handle_signals=False,
    )
