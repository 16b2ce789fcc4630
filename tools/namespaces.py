"""Machines on this one: network namespaces (Linux, with the rights of root), joined by a router
that can be told to drop packets between two of them, as a cut cable does: without a word to either.
"""

import ctypes
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final

#: Debian has `ip` there, which is not in everybody's PATH.
_FOLDERS: Final = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
_NAMESPACES: Final = Path("/run/netns")
_CLONE_NEWNET: Final = 0x40000000
#: Addresses for measurements of networks (RFC 2544). A machine has a network of its own.
_NETWORK: Final = "198.18"
_numbers = count()


class Network:
    """``machines``: their names. Each reaches each at its ``address`` until they are cut off."""

    def __init__(self, machines: Sequence[str]) -> None:
        self.machines = tuple(machines)
        self._prefix = f"tolk-{os.getpid()}-{next(_numbers)}"

    def address(self, machine: str) -> str:
        """The machine's IPv4 address."""
        return f"{_NETWORK}.{self.machines.index(machine)}.2"

    def on(self, machine: str) -> list[str]:
        """What to put before a command for it to run on this machine. The process id is that of
        the command."""
        return [_ip(), "netns", "exec", self._named(machine)]

    @contextmanager
    def inside(self, machine: str) -> Iterator[None]:
        """Make this thread a part of the machine: the sockets that it opens, and the processes
        that it starts."""
        with open("/proc/thread-self/ns/net", "rb") as before:
            with (_NAMESPACES / self._named(machine)).open("rb") as namespace:
                _enter(namespace.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())

    def cut(self, one: str, other: str) -> None:
        """From now on no packet gets from one to the other."""
        self._rules("add", one, other)

    def mend(self, one: str, other: str) -> None:
        """Undo ``cut``."""
        self._rules("del", one, other)

    def block_udp(self, machine: str) -> None:
        """From now on no UDP gets out of the machine."""
        self._router("rule", "add", "from", self.address(machine), "ipproto", "udp", "blackhole")

    def make(self) -> None:
        """Make the namespaces. Raises PermissionError, FileNotFoundError without `ip`."""
        _run("netns", "add", self._named("router"))
        self._router("link", "set", "lo", "up")
        with self.inside("router"):
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        for number, machine in enumerate(self.machines):
            name, router = self._named(machine), f"to-{number}"
            _run("netns", "add", name)
            self._router("link", "add", router, "type", "veth", "peer", "eth0", "netns", name)
            self._router("address", "add", f"{_NETWORK}.{number}.1/24", "dev", router)
            self._router("link", "set", router, "up")
            _run("-n", name, "address", "add", f"{self.address(machine)}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _run("-n", name, "link", "set", device, "up")
            _run("-n", name, "route", "add", "default", "via", f"{_NETWORK}.{number}.1")

    def remove(self) -> None:
        """Remove what there is of it."""
        for machine in ("router", *self.machines):
            with suppress(OSError):
                _run("netns", "del", self._named(machine))

    def _named(self, machine: str) -> str:
        return f"{self._prefix}-{machine}"

    def _router(self, *words: str) -> None:
        _run("-n", self._named("router"), *words)

    def _rules(self, verb: str, one: str, other: str) -> None:
        for a, b in ((one, other), (other, one)):
            ends = ("from", self.address(a), "to", self.address(b))
            self._router("rule", verb, *ends, "blackhole")


@contextmanager
def network(*machines: str) -> Iterator[Network]:
    """Machines of these names. Raises PermissionError without the rights, FileNotFoundError without
    `ip` (Debian: iproute2)."""
    made = Network(machines)
    try:
        made.make()
        yield made
    finally:
        made.remove()


def _ip() -> str:
    found = shutil.which("ip", path=_FOLDERS)
    if found is None:
        raise FileNotFoundError(errno.ENOENT, "not installed", "ip")
    return found


def _run(*words: str) -> None:
    ran = subprocess.run([_ip(), *words], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise PermissionError(f"ip {' '.join(words)}: {ran.stderr.strip()}")


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns failed")
