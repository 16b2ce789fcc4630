"""Addresses: this machine's own, and those of the clients that send requests.

Behind a proxy, a request comes from the proxy's address and names the proxy's host. The client's
address and the host it asked for are in X-Forwarded-* headers. Anybody can send these, so they
are believed only from a peer in a network that the host trusts. X-Forwarded-For is a list: it is
read from its end, where trusted proxies wrote, up to the first address that is not a trusted
proxy's.
"""

import io
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

import segno
from multidict import MultiMapping

from server.config import ConfigError
from server.http.interfaces import own_addresses

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_HOST: Final = re.compile(
    r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?"
)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


# --- this machine --------------------------------------------------------------------------


def lan_addresses() -> list[str]:
    """This machine's addresses that others on its networks can use, best first."""
    return [each.address for each in own_addresses()]


def parse_addresses(texts: Iterable[str]) -> list[str]:
    """The addresses of ``--ice-addresses``, checked. Raises ConfigError."""
    try:
        addresses = [ip_address(text) for text in texts]
    except ValueError as error:
        raise ConfigError(
            f"--ice-addresses: {error}; addresses such as 203.0.113.7 are expected, no names"
        ) from error
    if any(address.is_unspecified for address in addresses):
        raise ConfigError("--ice-addresses: nobody can be reached at 0.0.0.0 or ::")
    return [str(address) for address in addresses]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on ``host``."""
    address = _parsed(host)
    return host.lower() == "localhost" or (address is not None and address.is_loopback)


def is_unspecified(host: str) -> bool:
    """Whether ``host`` means every address of this machine."""
    address = _parsed(host)
    return host == "" or (address is not None and address.is_unspecified)


def printed_hosts(host: str, lan: Sequence[str]) -> list[str]:
    """Names and addresses at which a server bound to ``host`` can be reached: first those that
    work from other machines. ``lan``: what ``lan_addresses`` returned."""
    if is_loopback(host):
        return ["localhost"]
    if is_unspecified(host):
        return [*lan, "localhost"]
    return [host]


def names(host: str) -> list[str]:
    """The names and addresses that a certificate for a server bound to ``host`` must contain."""
    loopback = ["localhost", "127.0.0.1", "::1"]
    if is_loopback(host):
        return list(dict.fromkeys([*loopback, host]))
    if not is_unspecified(host):
        return [*loopback, host]
    own = socket.gethostname().lower()
    own_names = [own, f"{own}.local"] if re.fullmatch(r"[a-z0-9-]{1,63}", own) else []
    return [*loopback, *own_names, *lan_addresses()]


def base_url(scheme: str, host: str, port: int) -> str:
    """``https://host:port`` without a slash at its end. The scheme's default port is left out."""
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" + ("" if port == _DEFAULT_PORTS.get(scheme) else f":{port}")


def host_name(host: str) -> str | None:
    """The name or address in a Host header, without the port and in lower case. None if the
    header is malformed."""
    match = _HOST.fullmatch(host)
    if match is None or int(match["port"] or 0) > 65535:
        return None
    address = _parsed(host)
    return str(address) if address else host.partition(":")[0].removesuffix(".").lower()


def gives_microphone(url: str) -> bool:
    """Whether browsers let a page of ``url`` use a microphone: only with HTTPS, or on the
    browser's own machine (W3C, Secure Contexts, 3.1)."""
    scheme, _, rest = url.partition("://")
    authority = rest.partition("/")[0]
    host = authority.partition("]")[0].lstrip("[") if "]" in authority else authority.split(":")[0]
    return scheme == "https" or is_loopback(host) or host.endswith(".localhost")


def qr_code(text: str, encoding: str = "utf8") -> str:
    """A QR code of ``text`` for a terminal with this ``encoding``: of half blocks, or where it has
    none, of coloured spaces."""
    drawn = io.StringIO()
    code = segno.make(text, error="l", micro=False)
    code.terminal(out=drawn, border=2, compact=True)
    try:
        drawn.getvalue().encode(encoding)
    except (UnicodeEncodeError, LookupError):
        drawn = io.StringIO()
        code.terminal(out=drawn, border=2)
    return drawn.getvalue()


# --- clients -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Visitor:
    """The client that sent a request, and the scheme and host that it used. ``host`` includes the
    port, unless that is the scheme's default."""

    address: str
    scheme: str
    host: str

    @property
    def site(self) -> str:
        """The key by which limits for one address count. For IPv6 it is the /64 network: whoever
        has one of its addresses has them all."""
        try:
            return str(ip_network(f"{self.address}/64", strict=False))
        except ValueError:
            return self.address  # IPv4, or unknown

    @property
    def url(self) -> str:
        """The server's URL as the visitor used it, such as "https://tolk.example"."""
        return f"{self.scheme}://{self.host}"


def parse_networks(texts: Iterable[str], option: str) -> tuple[Network, ...]:
    """Networks such as "10.0.0.0/8", or single addresses. ``option``: where they were given.
    Raises ConfigError."""
    try:
        return tuple(ip_network(text.strip()) for text in texts)
    except ValueError as error:
        raise ConfigError(f"{option}: {error}; networks such as 10.0.0.0/8 are expected") from error


def visitor(
    headers: MultiMapping[str],
    peer: str | None,
    scheme: str,
    host: str,
    trusted: Sequence[Network],
) -> Visitor:
    """The client that sent a request with ``headers`` over a connection from ``peer``. ``scheme``
    and ``host``: of the request itself."""
    if not _is_trusted(_parsed(peer or ""), trusted):
        return Visitor(client_address(headers, peer, trusted), scheme, host)
    proto = _last(headers, "X-Forwarded-Proto").lower()
    forwarded = _last(headers, "X-Forwarded-Host")
    return Visitor(
        address=client_address(headers, peer, trusted),
        scheme={"http": "http", "https": "https", "ws": "http", "wss": "https"}.get(proto, scheme),
        host=forwarded if _HOST.fullmatch(forwarded) else host,
    )


def client_address(headers: MultiMapping[str], peer: str | None, trusted: Sequence[Network]) -> str:
    """The address of the client behind trusted proxies; "unknown" if the peer has none."""
    address = _parsed(peer or "")
    if address is None:
        return "unknown"
    forwarded = ",".join(headers.getall("X-Forwarded-For", [])).split(",")
    for text in reversed(forwarded):
        if not _is_trusted(address, trusted):
            break
        further = _parsed(text.strip())
        if further is None:
            break
        address = further
    return str(address)


def _last(headers: MultiMapping[str], name: str) -> str:
    """The last value of a header: the nearest proxy wrote it."""
    return ",".join(headers.getall(name, [])).rpartition(",")[2].strip()


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether an address is in one of ``networks``."""
    return _is_trusted(_parsed(address), networks)


def _is_trusted(address: Address | None, trusted: Sequence[Network]) -> bool:
    return address is not None and any(address in network for network in trusted)


def _parsed(text: str) -> Address | None:
    """The address in ``text``, which may include a port. An IPv4 address mapped into IPv6 is
    returned as IPv4. None if there is no address."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
