"""Addresses: those of this machine worth printing, and those of whoever asks.

Behind a proxy a request comes from the proxy, to a name of the proxy's choosing. What really
was asked stands in X-Forwarded-* headers, which anybody can send: they are believed only where
the peer is of a network that the host trusts, and the list of X-Forwarded-For is read from its
end, where trusted proxies wrote, up to the first address that is none of theirs.
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

import ifaddr
import segno
from multidict import MultiMapping

from server.config import ConfigError

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


# --- this machine --------------------------------------------------------------------------


def lan_addresses() -> list[str]:
    """This machine's addresses that others on its networks can use, the best first."""
    found = [
        ip.ip if isinstance(ip.ip, str) else ip.ip[0]
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
    ]
    return usable(found, preferred=_default_source())


def usable(addresses: Iterable[str], preferred: str | None = None) -> list[str]:
    """Those of ``addresses`` that others can use: not loopback, not link-local. ``preferred``
    first, then IPv4 before IPv6, otherwise in the order given."""
    parsed = [ip_address(text) for text in dict.fromkeys(addresses)]
    kept = [
        address
        for address in parsed
        if not (address.is_loopback or address.is_link_local or address.is_unspecified)
    ]
    return sorted(map(str, kept), key=lambda text: (text != preferred, ":" in text))


def parse_addresses(texts: Iterable[str]) -> list[str]:
    """Addresses to be reached at. Raises ConfigError."""
    try:
        addresses = [ip_address(text) for text in texts]
    except ValueError as error:
        raise ConfigError(
            f"--ice-addresses: {error}; addresses such as 203.0.113.7 are expected, no names"
        ) from error
    if any(address.is_unspecified for address in addresses):
        raise ConfigError("--ice-addresses: nobody can be reached at 0.0.0.0 or ::")
    return [str(address) for address in addresses]


def _default_source() -> str | None:
    """The address this machine would send from. Connecting a UDP socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on ``host``."""
    address = _parsed(host)
    return host.lower() == "localhost" or (address is not None and address.is_loopback)


def is_unspecified(host: str) -> bool:
    """Whether ``host`` means every address of this machine."""
    address = _parsed(host)
    return host == "" or (address is not None and address.is_unspecified)


def printed_hosts(host: str, lan: Sequence[str]) -> list[str]:
    """Names under which a server bound to ``host`` is really reached, for others first. ``lan``
    is of ``lan_addresses``."""
    if is_loopback(host):
        return ["localhost"]
    if is_unspecified(host):
        return [*lan, "localhost"]
    return [host]


def names(host: str) -> list[str]:
    """What a certificate for a server bound to ``host`` must cover."""
    loopback = ["localhost", "127.0.0.1", "::1"]
    if is_loopback(host):
        return list(dict.fromkeys([*loopback, host]))
    if not is_unspecified(host):
        return [*loopback, host]
    own = socket.gethostname().lower()
    own_names = [own, f"{own}.local"] if re.fullmatch(r"[a-z0-9-]{1,63}", own) else []
    return [*loopback, *own_names, *lan_addresses()]


def base_url(scheme: str, host: str, port: int) -> str:
    """``https://host:port`` without a slash at its end; the scheme's own port is left out."""
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" + ("" if port == _DEFAULT_PORTS.get(scheme) else f":{port}")


def gives_microphone(url: str) -> bool:
    """Whether browsers give a page of ``url`` a microphone: it is secure, or of this machine
    itself (W3C, Secure Contexts, 3.1)."""
    scheme, _, rest = url.partition("://")
    authority = rest.partition("/")[0]
    host = authority.partition("]")[0].lstrip("[") if "]" in authority else authority.split(":")[0]
    return scheme == "https" or is_loopback(host) or host.endswith(".localhost")


def qr_code(text: str) -> str:
    """``text`` as a QR code of half blocks, for a terminal."""
    drawn = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(out=drawn, border=2, compact=True)
    return drawn.getvalue()


# --- who asks ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks, and what they asked for as they see it. ``host``: with a port where it is not
    the scheme's own."""

    address: str
    scheme: str
    host: str

    @property
    def site(self) -> str:
        """What limits on one address count by: of IPv6 the network of 64 bits, for whoever has
        one address of it has them all."""
        try:
            return str(ip_network(f"{self.address}/64", strict=False))
        except ValueError:
            return self.address  # IPv4, or unknown

    @property
    def url(self) -> str:
        """Our address as the visitor sees it, such as "https://tolk.example"."""
        return f"{self.scheme}://{self.host}"


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks such as "10.0.0.0/8", or single addresses. Raises ConfigError."""
    try:
        return tuple(ip_network(text.strip()) for text in texts)
    except ValueError as error:
        raise ConfigError(
            f"trusted_proxies: {error}; networks such as 10.0.0.0/8 are expected"
        ) from error


def visitor(
    headers: MultiMapping[str],
    peer: str | None,
    scheme: str,
    host: str,
    trusted: Sequence[Network],
) -> Visitor:
    """Who sent a request with ``headers`` over a connection from ``peer``, and to where.
    ``scheme`` and ``host`` are those of the request itself."""
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
    """The address a request really came from; "unknown" where the peer has none."""
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
    """What the nearest proxy wrote: it stands last."""
    return ",".join(headers.getall(name, [])).rpartition(",")[2].strip()


def _is_trusted(address: Address | None, trusted: Sequence[Network]) -> bool:
    return address is not None and any(address in network for network in trusted)


def _parsed(text: str) -> Address | None:
    """An address, with or without a port; IPv4 in IPv6 as IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
