"""Whether the ports are free, and whether this machine reaches itself through them."""

import errno
import os
import secrets
import socket
import ssl
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from server.config import Config
from server.doctor.findings import Finding
from server.http.sockets import bound

#: How long an answer from this machine's own address may take.
ANSWER_S: Final = 0.5
ROOT: Final = Path("/")


def ports(config: Config, hosts: Sequence[str]) -> list[Finding]:
    """The TCP port of pages and the UDP ports of sound. ``hosts``: the addresses offered for
    sound; those that are not this machine's are left out."""
    found = [*_pages(config), *_sound(config, hosts), *_offered(config)]
    return found


def firewall(config: Config, url: str, root: Path = ROOT) -> list[Finding]:
    """A firewall that may be in the way, and how a phone tells. ``root``: for tests."""
    if config.is_loopback:
        return []
    first, last = _numbers(config)
    range_ = f"{first}" if last <= first else f"{first}:{last}"
    found = []
    if "ENABLED=yes" in _text(root / "etc/ufw/ufw.conf").split():
        advice = f"sudo ufw allow {config.port}/tcp && sudo ufw allow {range_}/udp"
        found.append(Finding("firewall", "note", "ufw is on in this machine", advice))
    if (root / "run/firewalld.pid").exists() or (root / "run/firewalld").exists():
        range_ = range_.replace(":", "-")
        advice = (
            f"sudo firewall-cmd --permanent --add-port={config.port}/tcp --add-port={range_}/udp "
            "&& sudo firewall-cmd --reload"
        )
        found.append(Finding("firewall", "note", "firewalld is on in this machine", advice))
    found.append(
        Finding(
            "firewall",
            "note",
            "only a phone can tell whether the network lets it through",
            f"start the server and open {url}/listen/main on a phone. If no page comes, TCP port "
            f"{config.port} is blocked; if it says “Connected the slow way”, UDP port {range_} is",
        )
    )
    return found


def _pages(config: Config) -> Iterator[Finding]:
    name = f"TCP port {config.port}"
    with ExitStack() as stack:
        try:
            listening = [stack.enter_context(each) for each in bound(config.host, config.port)]
        except OSError as error:
            yield _not_free(config, name, error)
            return
        for each in listening:
            each.settimeout(ANSWER_S)
            unreached = _unreached(each)
            if unreached:
                yield Finding("ports", "problem", f"{name} of {unreached} cannot be reached", _OPEN)
                return
    yield Finding("ports", "ok", f"{name} is free and can be reached from this machine")


_OPEN: Final = "let a firewall on this machine (nft list ruleset) allow it"


def _unreached(listening: socket.socket) -> str:
    """The address of a listening socket if this machine cannot connect to it, else ""."""
    address, port = listening.getsockname()[:2]
    reached_at = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
    try:
        socket.create_connection((reached_at, port), ANSWER_S).close()
    except OSError:
        return str(reached_at)
    return ""


def _not_free(config: Config, name: str, error: OSError) -> Finding:
    if error.errno == errno.EADDRINUSE:
        if _is_ours(config):
            text = f"{name} has a Tolk that runs and answers"
            return Finding("ports", "ok", text, "stop it to have its ports looked at")
        advice = f"give another --port, or end what `ss -lntup 'sport = :{config.port}'` names"
        return Finding("ports", "problem", f"{name} is used by another program", advice)
    advice = "give another --port"
    if error.errno in (errno.EACCES, errno.EPERM):
        advice = "ports below 1024 are for root: give another --port, and put a proxy before it"
    return Finding("ports", "problem", f"{name} cannot be opened: {error.strerror}", advice)


def _is_ours(config: Config) -> bool:
    """Whether a Tolk answers on the port."""
    unchecked = ssl.create_default_context()
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    scheme = "https" if config.has_tls else "http"
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(config.host, config.host)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),  # none, whatever the environment says
        urllib.request.HTTPSHandler(context=unchecked),
    )
    try:
        with opener.open(f"{scheme}://{host}:{config.port}/healthz", timeout=ANSWER_S) as answer:
            return bool(answer.headers.get("Server", "") == "Tolk")
    except (OSError, ValueError):
        return False


def _sound(config: Config, hosts: Sequence[str]) -> Iterator[Finding]:
    if config.media_port == 0:
        yield Finding(
            "ports",
            "note",
            "each participant has a UDP port of its own",
            "a firewall must allow all UDP ports; leave --media-port out to need one only",
        )
        return
    first, last = _numbers(config)
    for number in range(first, last + 1):
        yield _echoed(config, hosts, number)


def _echoed(config: Config, hosts: Sequence[str], number: int) -> Finding:
    name, sent = f"UDP port {number}", []
    for host in hosts:
        try:
            if not _echo(host, number):
                text = f"{name} of {host} takes nothing from this machine"
                return Finding("ports", "problem", text, _OPEN)
            sent.append(host)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                continue  # of a router, or gone meanwhile
            if error.errno == errno.EADDRINUSE and _is_ours(config):
                return Finding("ports", "ok", f"{name} has a Tolk that runs and answers")
            text = f"{name} of {host} cannot be opened: {error.strerror}"
            advice = f"end what `ss -lnup 'sport = :{number}'` names, or give another --media-port"
            return Finding("ports", "problem", text, advice)
    return Finding(
        "ports", "ok", f"{name} is free, and a datagram came through at {', '.join(sent) or 'none'}"
    )


def _echo(host: str, number: int) -> bool:
    """Whether a datagram to this port of one of our addresses comes back. Raises OSError if the
    port cannot be opened."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    data = secrets.token_bytes(16)
    with (
        socket.socket(family, socket.SOCK_DGRAM) as port,
        socket.socket(family, socket.SOCK_DGRAM) as client,
    ):
        port.bind((host, number))
        client.bind((host, 0))
        for each in (port, client):
            each.settimeout(ANSWER_S)
        try:
            client.sendto(data, port.getsockname())
            came, address = port.recvfrom(64)
            port.sendto(came, address)
            return client.recv(64) == data
        except OSError:
            return False


def _offered(config: Config) -> Iterator[Finding]:
    if config.ice_addresses:
        first, last = _numbers(config)
        numbers = str(first) if last <= first else f"{first} to {last}"
        yield Finding(
            "ports",
            "note",
            f"sound is sent to {', '.join(config.ice_addresses)}, UDP port {numbers}",
            "whatever has this address must forward the port to this machine, with the same number",
        )


def _numbers(config: Config) -> tuple[int, int]:
    """The first and the last UDP port."""
    first = config.port if config.media_port == -1 else config.media_port
    return first, first + config.media_processes - 1


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf8") if os.access(file, os.R_OK) else ""
    except (OSError, UnicodeDecodeError):
        return ""
