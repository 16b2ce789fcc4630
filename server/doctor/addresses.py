"""Which address people are given, and whether it leads here."""

import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from server.banner import base_url
from server.config import Config
from server.doctor.findings import Finding
from server.http import netinfo
from server.http.interfaces import Kind, Own

_BEHIND: Final[dict[Kind, str]] = {
    "lan": "a network of cables or Wi-Fi",
    "tether": "the way to a phone that gives this machine internet; no other phone is there",
    "inner": "of containers, virtual machines or a VPN; no phone is there",
}
#: Files that tell that this is a container.
_MARKS: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))


def addresses(config: Config, own: Sequence[Own]) -> list[Finding]:
    """The address that is printed, and this machine's others. ``own``: see ``own_addresses``."""
    printed = base_url(config, config.port, [each.address for each in own])
    found = _printed(config, printed, own)
    chosen = config.address or config.public_url or config.is_loopback
    found += [
        Finding("addresses", "ok", f"{each.address} ({each.interface}): {_BEHIND[each.kind]}")
        for each in own
        if not chosen
    ]
    inside = any(mark.exists() for mark in _MARKS)
    if inside and not config.ice_addresses and not config.is_loopback:
        found.append(
            Finding(
                "addresses",
                "note",
                "this is a container; unless it uses the host's network, phones reach neither its "
                "addresses nor its ports",
                "publish the port for TCP and UDP, and give --ice-addresses and --public-url the "
                "host's address; or use --network host",
            )
        )
    if config.trusted_proxies and not config.public_url:
        found.append(
            Finding(
                "addresses",
                "note",
                "--trusted-proxies without --public-url: pages connect only if the proxy passes on "
                "the Host header, or X-Forwarded-Host",
                "give --public-url and the URL that people use",
            )
        )
    if config.has_proxy and config.is_loopback and not config.ice_addresses:
        found.append(
            Finding(
                "addresses",
                "note",
                f"sound is offered at {config.host} only: whoever comes through the proxy hears it "
                "over the WebSocket, which is slower where packets are lost",
                "give --ice-addresses the address at which they reach this machine by UDP",
            )
        )
    return [*found, *_microphone(config, printed)]


def _printed(config: Config, printed: str, own: Sequence[Own]) -> list[Finding]:
    if config.public_url:
        return [_looked_up(config.public_url, own)]
    if config.is_loopback:
        return [
            Finding(
                "addresses",
                "note",
                f"{printed} is printed; only this machine can reach it, no phone can",
                "add --host 0.0.0.0 --tls self",
            )
        ]
    if not netinfo.is_unspecified(config.host) or config.address:
        return [Finding("addresses", "ok", f"{printed} is printed, as the settings say")]
    if not own:
        return [
            Finding(
                "addresses",
                "problem",
                "this machine has no address that others could use",
                "connect it to the network of the phones",
            )
        ]
    best = own[0]
    if best.kind == "lan":
        return [Finding("addresses", "ok", f"{printed} is printed, that of {best.interface}")]
    return [
        Finding(
            "addresses",
            "problem",
            f"{printed} is printed, that of {best.interface}: {_BEHIND[best.kind]}",
            "connect this machine to the network of the phones, or choose with --address",
        )
    ]


def _looked_up(url: str, own: Sequence[Own]) -> Finding:
    host = urlsplit(url).hostname or ""
    try:
        leads_to = sorted({str(each[4][0]) for each in socket.getaddrinfo(host, None)})
    except OSError as error:
        return Finding(
            "addresses",
            "problem",
            f"{url} is printed, and this machine cannot look its name up ({error.strerror})",
            "correct the name, or its entry in DNS",
        )
    here = {each.address for each in own}
    if all(netinfo.is_loopback(each) for each in leads_to):
        return Finding(
            "addresses",
            "problem",
            f"{url} is printed, which leads everybody to their own machine",
            "give --public-url a name or an address that leads to this one",
        )
    where = "this machine" if here & set(leads_to) else "a proxy or a router, as it should"
    return Finding("addresses", "ok", f"{url} is printed; it leads to {leads_to[0]}, {where}")


def _microphone(config: Config, printed: str) -> list[Finding]:
    if netinfo.gives_microphone(printed):
        return [Finding("microphone", "ok", f"browsers give pages of {printed} a microphone")]
    return [
        Finding(
            "microphone",
            "problem",
            f"browsers give no microphone to pages of {printed}: that needs https, or localhost",
            "add --tls self, or --tls-cert and --tls-key, or put a proxy with HTTPS before it and "
            "give --public-url",
        )
    ]
