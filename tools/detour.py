"""Sends participants' sound over a bad network: what Speaker and Listener take as ``through``."""

import re
from contextlib import ExitStack
from typing import Self

from tools.impair import LOOPBACK, Counts, Network, Relay


class Detour:
    """Rewrites a server's answer so that all that is sent to its port on this machine goes
    ``there``, and what it answers comes ``back``, by these networks (default: without trouble). A
    context manager: the way ends with it. The same for all whose answer is given to it."""

    def __init__(self, there: Network, back: Network | None = None, seed: int = 1) -> None:
        self._there = there
        self._back = Network() if back is None else back
        self._seed = seed
        self._relays: dict[int, Relay] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()

    def __call__(self, sdp: str) -> str:
        """The answer as the participant is to see it."""
        port = int(re.findall(rf" {re.escape(LOOPBACK)} (\d+) typ host", sdp)[0])
        if port not in self._relays:
            relay = Relay((LOOPBACK, port), self._there, self._back, self._seed)
            self._relays[port] = self._stack.enter_context(relay)
        return sdp.replace(f" {port} typ", f" {self._relays[port].address[1]} typ")

    def become(self, there: Network) -> None:
        """From now on the way there is this one."""
        self._there = there
        for relay in self._relays.values():
            relay.become(there)

    @property
    def sent(self) -> Counts:
        """On the way there, of the first port that was sent to."""
        return next(iter(self._relays.values())).sent
