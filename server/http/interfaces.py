"""This machine's addresses that others on its networks can use, best for a phone in the hall first.

A machine may have addresses in networks that no phone in the hall is in: those of containers,
virtual machines and VPNs, and that of a phone that gives it internet by a cable. The system's
default route says little: in a hall without internet there is none, and with a VPN it goes there.

``root`` is a parameter for tests: the folder in which /sys is.
"""

import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final, Literal

import ifaddr

ROOT: Final = Path("/")
#: "lan": a network with a cable or Wi-Fi; "tether": between this machine and a phone that gives it
#: internet; "inner": of containers, virtual machines, or a VPN. The best first.
Kind = Literal["lan", "tether", "inner"]
_KINDS: Final[tuple[Kind, ...]] = ("lan", "tether", "inner")
_INNER: Final = re.compile(
    r"(docker|podman|veth|virbr|vmnet|vboxnet|vnic|lxcbr|lxdbr|cni|flannel|cali|kube|br-[0-9a-f]{12}"
    r"|tun|tap|utun|wg|tailscale|zt|nordlynx|proton|ham|dummy|ifb|awdl|llw|bridge1)[^/]*"
)
_TETHER: Final = re.compile(r"(usb|rndis|wwan|wwp|ppp)[^/]*")
#: Drivers of phones on a cable.
_PHONES: Final = frozenset({"rndis_host", "ipheth"})
#: Android's by USB; Apple's.
_PHONES_NETWORKS: Final = tuple(map(ip_network, ("192.168.42.0/24", "172.20.10.0/28")))


@dataclass(frozen=True, slots=True)
class Own:
    """An address of this machine, the name of its network interface, and what is behind that."""

    address: str
    interface: str
    kind: Kind


def own_addresses(root: Path = ROOT) -> list[Own]:
    """This machine's addresses that others can use, best first."""
    found = {
        str(ip_address(ip.ip if isinstance(ip.ip, str) else ip.ip[0])): adapter.nice_name
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
    }
    return best_first(found, _default_source(), root)


def best_first(found: dict[str, str], preferred: str | None = None, root: Path = ROOT) -> list[Own]:
    """The usable ones of the addresses ``found``, which have their interfaces. ``preferred`` comes
    first among those of its kind."""
    own = [
        Own(address, found[address], kind(found[address], address, root))
        for address in usable(found, preferred)
    ]
    return sorted(own, key=lambda each: _KINDS.index(each.kind))


def usable(addresses: Iterable[str], preferred: str | None = None) -> list[str]:
    """Those of ``addresses`` that others can use: neither loopback nor link-local. ``preferred``
    comes first, then IPv4, then IPv6, otherwise in the given order."""
    parsed = [ip_address(text) for text in dict.fromkeys(addresses)]
    kept = [
        address
        for address in parsed
        if not (address.is_loopback or address.is_link_local or address.is_unspecified)
    ]
    return sorted(map(str, kept), key=lambda text: (text != preferred, ":" in text))


def kind(interface: str, address: str, root: Path = ROOT) -> Kind:
    """What is behind an interface, as far as its name, its driver and its network tell."""
    about = root / "sys/class/net" / interface
    if (about / "bridge").exists():
        behind = any((each / "device").exists() for each in about.glob("lower_*"))
        return "lan" if behind else "inner"
    if _INNER.fullmatch(interface) or (about / "tun_flags").exists():
        return "inner"
    driver = (about / "device/driver").resolve().name
    theirs = any(ip_address(address) in network for network in _PHONES_NETWORKS)
    if driver in _PHONES or _TETHER.fullmatch(interface) or theirs:
        return "tether"
    return "lan"


def _default_source() -> str | None:
    """The address from which this machine sends by default. Connecting a UDP socket sends
    nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])
