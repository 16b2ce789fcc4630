"""Sends participants' sound over a bad network: for ``through`` of Speaker and Listener."""

import re
from contextlib import ExitStack
from typing import Self

from tools.impair import LOOPBACK, Counts, Network, Relay


class Detour:
    """Rewrites a server's SDP answer so that datagrams to and from its port on this machine pass
    a relay, which impairs them: on the way to the server as ``there`` says, on the way back as
    ``back`` says; by default it does not. A context manager: the relay runs inside it. All answers
    given to it share the two networks."""

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
        """The answer with the relay's port in place of the server's."""
        port = int(re.findall(rf" {re.escape(LOOPBACK)} (\d+) typ host", sdp)[0])
        if port not in self._relays:
            relay = Relay((LOOPBACK, port), self._there, self._back, self._seed)
            self._relays[port] = self._stack.enter_context(relay)
        return sdp.replace(f" {port} typ", f" {self._relays[port].address[1]} typ")

    def become(self, there: Network) -> None:
        """Use this network on the way to the server from now on."""
        self._there = there
        for relay in self._relays.values():
            relay.become(there)

    @property
    def sent(self) -> Counts:
        """The datagrams sent to the server's port; of several ports, to the first."""
        return next(iter(self._relays.values())).sent
