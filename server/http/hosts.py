"""The names under which this server may be asked for: a check of the Host header.

A page of another site can let its own name lead to this machine (DNS rebinding). The browser then
takes this server for that site, and lets the page read and send what our own pages may. It cannot
change the name in the Host header, so requests for foreign names are refused. No answer contains
the header's name, unless it is one of ours.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from server.config import Config
from server.http import netinfo
from server.metrics import Metrics
from signaling.rates import Bucket

#: Lines in the log about refused names: as a burst, and on average. Anybody can cause them.
LINES_AT_ONCE: Final = 10
LINES_PER_S: Final = 0.1
#: Where a request keeps our name and port as its sender sees them, once they were checked.
OWN_HOST: Final = web.RequestKey("own_host", str)
REFUSAL: Final = (
    "This server is not asked for under this name. Use its address, or start it with "
    "--public-url and the URL that people use.\n"
)

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hosts:
    """``names``: names and addresses, in lower case and without ports. "*.example.org" stands for
    the names with one more part. Names of this machine for itself are always accepted."""

    names: frozenset[str]

    def include(self, host: str, local: str | None) -> bool:
        """Whether a request for ``host``, with or without a port, is meant for this server.
        ``local``: the address at which the request's connection arrived."""
        name = netinfo.host_name(host)
        if name is None:
            return False
        return (
            netinfo.is_loopback(name)
            or name.endswith(".localhost")
            or name in self.names
            or "*." + name.partition(".")[2] in self.names
            or (local is not None and name == netinfo.host_name(local))
        )


def own_hosts(config: Config, certified: Collection[str]) -> Hosts:
    """The names of a server with these settings. ``certified``: those in the host's own
    certificate."""
    urls = [config.public_url, *config.allowed_origins]
    given = [] if netinfo.is_unspecified(config.host) else [config.host]
    texts = [
        *netinfo.names("0.0.0.0"),
        socket.gethostname(),
        *given,
        config.address,
        *config.ice_addresses,
        *(urlsplit(url).hostname or "" for url in urls),
    ]
    named = (netinfo.host_name(_bracketed(text)) for text in texts)
    return Hosts(frozenset([*(name for name in named if name), *map(str.lower, certified)]))


def only_for(
    hosts: Hosts, visitor: Callable[[web.Request], netinfo.Visitor], metrics: Metrics
) -> Middleware:
    """A middleware that answers only requests for ``hosts``, and those without a Host header,
    which browsers always send. If a trusted proxy names another host, both are checked: a page
    could name any as well."""
    lines = Bucket(LINES_PER_S, LINES_AT_ONCE)

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        seen = visitor(request).host
        asked = {*request.headers.getall("Host", []), seen} - {""}
        address = request.get_extra_info("sockname")
        local = _bracketed(str(address[0])) if isinstance(address, tuple) else None
        if not all(hosts.include(host, local) for host in asked):
            if lines.take(asyncio.get_running_loop().time()):
                _log.warning(
                    "a request for another server's name was refused. If people use that name, "
                    "give it with --public-url; if a proxy does, with --allowed-origins, or let it "
                    "pass on the Host header",
                )
            metrics.refused.labels("foreign_host").inc()
            raise web.HTTPMisdirectedRequest(text=REFUSAL)
        request[OWN_HOST] = seen
        return await handler(request)

    return guarded


def _bracketed(address: str) -> str:
    return f"[{address.partition('%')[0]}]" if ":" in address else address
