"""Where NATS is: the settings ``--bus`` and ``--bus-credentials``, read and checked.

Nothing here needs NATS or its library. No text made here has a password in it.
"""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from server.bus.credentials import Credentials, read

NONE: Final = Credentials()
PORT: Final = 4222
_EXPECTED: Final = "expected: nats://USER:PASSWORD@HOST:4222 or tls://…, several with commas"
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?", re.IGNORECASE)


@dataclass(frozen=True)
class NatsServer:
    """A server of NATS. ``tls``: only an encrypted connection will do."""

    host: str
    port: int
    tls: bool
    credentials: Credentials = NONE

    @property
    def place(self) -> str:
        """The server without secrets, for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The server's URL without secrets."""
        return f"{'tls' if self.tls else 'nats'}://{self.place}"


def parse(bus: str, credentials: str = "") -> list[NatsServer]:
    """The servers of the setting ``bus``. ``credentials``: a file, for all servers that have no
    user and password of their own. Raises ValueError, whose text begins with the setting."""
    given = read(Path(credentials)) if credentials else NONE
    servers = [_server(part.strip(), given) for part in bus.split(",") if part.strip()]
    if not servers:
        raise ValueError(f"--bus names no server; {_EXPECTED}")
    return servers


def _server(text: str, given: Credentials) -> NatsServer:
    try:
        url = urlsplit(text if "://" in text else f"nats://{text}")
        host, port = url.hostname or "", PORT if url.port is None else url.port
    except ValueError:
        raise ValueError(f"--bus: {_hidden(text)} is not valid; {_EXPECTED}") from None
    if url.scheme not in ("nats", "tls") or url.path.strip("/") or url.query or url.fragment:
        raise ValueError(f"--bus: {_hidden(text)} is not valid; {_EXPECTED}")
    if not (_is_address(host) or _HOST.fullmatch(host)) or port == 0:
        raise ValueError(f"--bus: {_hidden(text)} has no valid host and port; {_EXPECTED}")
    user, password = unquote(url.username or ""), unquote(url.password or "")
    if user and not password:
        raise ValueError(
            f"--bus: {_hidden(text)} has a user without a password; give USER:PASSWORD, or "
            "--bus-credentials FILE"
        )
    own = Credentials(user, password) if user else given
    return NatsServer(host, port, url.scheme == "tls", own)


def _hidden(text: str) -> str:
    """``text`` without what might be a user and a password."""
    scheme, separator, rest = text.rpartition("://")
    return repr(scheme + separator + rest.rpartition("@")[2])


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
