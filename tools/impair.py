"""Imitates a bad network: a UDP relay that loses, delays, reorders and doubles datagrams.

    python -m tools.impair --to 127.0.0.1:40000 --loss 5 --delay 40 --jitter 10 --seed 1

Prints the address to send to instead of the target's. Each sender gets a socket of its own towards
the target; answers come back through the relay, and are impaired too. The same seed impairs the
same datagrams in the same way. Needs no root. Loopback only.
"""

import argparse
import asyncio
import contextlib
import heapq
import random
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

Address = tuple[str, int]

#: Datagrams that may wait to be sent in one direction; more are lost, as in a router.
QUEUE_DATAGRAMS = 1000
MAX_SENDERS = 1000
#: A sender that sent nothing for this long is forgotten.
IDLE_S = 60.0
LOOPBACK = "127.0.0.1"
MAX_DATAGRAM = 2048
#: Datagrams read in one turn of the event loop.
BATCH = 64


@dataclass(frozen=True, slots=True)
class Network:
    """What happens to datagrams. Shares are 0 to 1, times seconds.

    ``loss`` is the share lost. With ``burst`` above 1, losses come in runs of that length on
    average (two states: Gilbert 1960); otherwise each datagram is lost independently. All are
    delayed by ``delay_s``, and each by up to ``jitter_s`` more, in order. The share ``reorder`` is
    held back by another ``reorder_s``. ``rate_bps`` 0 means no limit.
    """

    loss: float = 0.0
    burst: float = 1.0
    delay_s: float = 0.0
    jitter_s: float = 0.0
    reorder: float = 0.0
    reorder_s: float = 0.05
    double: float = 0.0
    rate_bps: float = 0.0


@dataclass(slots=True)
class Counts:
    """Datagrams in one direction."""

    came: int = 0
    lost: int = 0
    doubled: int = 0
    reordered: int = 0


@dataclass(slots=True)
class Way:
    """One direction, without I/O. The same seed and datagrams give the same results."""

    network: Network
    rng: random.Random
    counts: Counts = field(default_factory=Counts)
    held_until_s: float = 0.0
    """Nothing is sent before; then all of it at once."""
    _losing: bool = False
    _line_free_s: float = 0.0
    _latest_s: float = 0.0

    def times(self, now_s: float, size: int) -> list[float]:
        """When to send a datagram of ``size`` bytes that came at ``now_s``: no time if it is
        lost, two times if it is doubled."""
        network = self.network
        self.counts.came += 1
        if self._lost():
            self.counts.lost += 1
            return []
        leave_s = now_s
        if network.rate_bps:
            leave_s = max(now_s, self._line_free_s) + 8 * size / network.rate_bps
            self._line_free_s = leave_s
        at_s = leave_s + network.delay_s + network.jitter_s * self.rng.random()
        if self.rng.random() < network.reorder:
            self.counts.reordered += 1
            return [max(at_s + network.reorder_s, self.held_until_s)]
        at_s = self._latest_s = max(at_s, self._latest_s, self.held_until_s)
        if self.rng.random() < network.double:
            self.counts.doubled += 1
            return [at_s, at_s]
        return [at_s]

    def _lost(self) -> bool:
        network = self.network
        if network.burst <= 1 or network.loss >= 1:
            return self.rng.random() < network.loss
        # The state changes at the rates that give the share ``loss`` and the length ``burst``.
        stays, begins = 1 - 1 / network.burst, network.loss / network.burst / (1 - network.loss)
        self._losing = self.rng.random() < (stays if self._losing else begins)
        return self._losing


class _Line:
    """Sends datagrams at the times that a Way gives."""

    def __init__(self, way: Way, send: Callable[[bytes], None]) -> None:
        self._way = way
        self._send = send
        self._waiting: list[tuple[float, int, bytes]] = []
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None

    def push(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        for at_s in self._way.times(loop.time(), len(data)):
            if len(self._waiting) >= QUEUE_DATAGRAMS:
                self._way.counts.lost += 1
                continue
            self._number += 1
            heapq.heappush(self._waiting, (at_s, self._number, data))
        self._flush()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        self.close()
        while self._waiting and self._waiting[0][0] <= loop.time():
            self._send(heapq.heappop(self._waiting)[2])
        if self._waiting:
            self._timer = loop.call_at(self._waiting[0][0], self._flush)


@dataclass(slots=True)
class _Sender:
    socket: socket.socket
    there: _Line
    back: _Line
    heard_at_s: float

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.socket)
        self.there.close()
        self.back.close()
        self.socket.close()


class Relay:
    """A relay to ``target``; a context manager, inside which ``address`` is its own.

    ``there`` and ``back`` are the networks to the target and from it. ``sent`` and ``answered``
    count their datagrams, ``refused`` those of senders beyond MAX_SENDERS.
    """

    def __init__(
        self, target: Address, there: Network, back: Network | None = None, seed: int = 0
    ) -> None:
        rng = random.Random(seed)
        self._target = target
        self._there = Way(there, random.Random(rng.random()))
        self._back = Way(there if back is None else back, random.Random(rng.random()))
        self._senders: dict[Address, _Sender] = {}
        self.sent, self.answered = self._there.counts, self._back.counts
        self.refused = 0

    def __enter__(self) -> Self:
        self._socket = _opened()
        self._socket.bind((LOOPBACK, 0))
        self.address: Address = self._socket.getsockname()
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        return self

    def __exit__(self, *raised: object) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        for sender in self._senders.values():
            sender.close()
        self._socket.close()

    def become(self, there: Network) -> None:
        """Use this network towards the target from now on."""
        self._there.network = there

    def stall(self, seconds: float) -> None:
        """Hold what is on the way there for so long, then send all of it at once."""
        self._there.held_until_s = asyncio.get_running_loop().time() + seconds

    def _read(self) -> None:
        for data, address in _received(self._socket):
            sender = self._senders.get(address) or self._admitted(address)
            if sender is None:
                self.refused += 1
                continue
            sender.heard_at_s = asyncio.get_running_loop().time()
            sender.there.push(data)

    def _admitted(self, address: Address) -> _Sender | None:
        loop = asyncio.get_running_loop()
        if len(self._senders) >= MAX_SENDERS:
            quiet = [
                known
                for known, sender in self._senders.items()
                if sender.heard_at_s < loop.time() - IDLE_S
            ]
            for known in quiet:
                self._senders.pop(known).close()
            if not quiet:
                return None
        upstream = _opened()
        upstream.connect(self._target)
        there = _Line(self._there, lambda data: _send(upstream, data, None))
        back = _Line(self._back, lambda data: _send(self._socket, data, address))
        sender = self._senders[address] = _Sender(upstream, there, back, loop.time())
        loop.add_reader(upstream, _pass, upstream, back)
        return sender


def _opened() -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setblocking(False)
    return opened


def _pass(upstream: socket.socket, back: _Line) -> None:
    for data, _ in _received(upstream):
        back.push(data)


def _received(source: socket.socket) -> Iterator[tuple[bytes, Address]]:
    for _ in range(BATCH):
        try:
            yield source.recvfrom(MAX_DATAGRAM)
        except BlockingIOError:
            return
        except ConnectionError:  # nobody received an earlier datagram: the target may start later
            continue


def _send(through: socket.socket, data: bytes, address: Address | None) -> None:
    """Send, and lose the datagram if the kernel has no room or nobody receives it."""
    with contextlib.suppress(OSError):
        through.send(data) if address is None else through.sendto(data, address)


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if host not in (LOOPBACK, "localhost") or not port.isdecimal():
        raise argparse.ArgumentTypeError(
            f"{text!r} is not {LOOPBACK}:PORT; others are not impaired"
        )
    return LOOPBACK, int(port)


async def _run(target: Address, network: Network, seed: int, seconds: float) -> Counts:
    with Relay(target, network, seed=seed) as relay:
        print(f"{relay.address[0]}:{relay.address[1]}", flush=True)
        await asyncio.sleep(seconds)
        return relay.sent


def main(argv: Sequence[str] | None = None) -> int:
    """Run a relay; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.impair", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--to", type=_address, required=True, metavar="127.0.0.1:PORT")
    for name, unit in (("loss", "%"), ("reorder", "%"), ("double", "%"), ("delay", "ms"),
                       ("jitter", "ms"), ("rate", "kb/s")):  # fmt: skip
        parser.add_argument(f"--{name}", type=float, default=0.0, metavar=unit)
    parser.add_argument(
        "--burst", type=float, default=1.0, help="average length of a run of losses"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=3600.0, help="run time (3600)")
    options = parser.parse_args(argv)
    network = Network(
        loss=options.loss / 100,
        burst=options.burst,
        delay_s=options.delay / 1000,
        jitter_s=options.jitter / 1000,
        reorder=options.reorder / 100,
        double=options.double / 100,
        rate_bps=1000 * options.rate,
    )
    try:
        counts = asyncio.run(_run(options.to, network, options.seed, options.seconds))
    except KeyboardInterrupt:
        return 130
    print(counts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
