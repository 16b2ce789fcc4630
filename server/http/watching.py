"""Who may see the metrics and the list of streams: operators, and whoever asks from this machine
or from a network of ``--metrics-from``. The pages need neither.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web

from server.http import netinfo
from server.http.access import Access
from signaling.errors import ProtocolError
from signaling.tokens import bearer_token

#: Proxies add these. A request that has one comes from elsewhere, whatever its address.
_FORWARDED: Final = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")


@dataclass(frozen=True)
class Watching:
    """``networks``: those of ``--metrics-from``. ``visitor`` returns the client that sent a
    request, believing trusted proxies."""

    access: Access
    networks: Sequence[netinfo.Network]
    visitor: Callable[[web.Request], netinfo.Visitor]

    def check(self, request: web.Request, *, here: bool = True) -> None:
        """Raises ProtocolError if the client may not see it. ``here``: on this machine no token is
        needed."""
        token = bearer_token(request.headers.get(hdrs.AUTHORIZATION), {})
        if token:
            grants = self.access.grants(token, "*")
            if not grants.operate:
                raise ProtocolError("forbidden", "this is for operators: token --operate")
            return
        visitor = self.visitor(request)
        if netinfo.is_within(visitor.address, self.networks):
            return
        if not (here and _is_here(request, visitor)):
            raise ProtocolError(
                "unauthorised",
                "an operator's token is needed here (token --operate), or a network that "
                "--metrics-from names",
            )


def _is_here(request: web.Request, visitor: netinfo.Visitor) -> bool:
    """Whether a request comes from this machine, not through a proxy on it."""
    return (
        netinfo.is_loopback(visitor.address)
        and netinfo.is_loopback(netinfo.host_name(visitor.host) or "localhost")
        and not any(name in request.headers for name in _FORWARDED)
    )
