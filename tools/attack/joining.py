"""Sends hostile datagrams while connections are set up: does every participant get in?

They are DTLS alerts, DTLS hellos and empty datagrams, 500 a second, from unknown ports and from the
addresses of those who are joining, as if somebody forged them.
"""

import asyncio
import random
import socket
from collections.abc import Iterator
from contextlib import suppress

import numpy as np

from server.client.conversation import alongside
from server.client.participants import Listener, Refused
from tools.attack.datagrams import strangers
from tools.attack.ends import send
from tools.attack.nonsense import ALERT, hello
from tools.attack.target import attacked
from tools.figures import Figure

COUNT, QUICK_COUNT = 100, 5
AT_ONCE = 2
RATE_PER_S = 500
HEARD_WITHIN_S = 10.0
SEED = 6
PASS_S = 0.01


async def run(quick: bool) -> list[Figure]:
    count = QUICK_COUNT if quick else COUNT
    loop = asyncio.get_running_loop()
    gate, took_s = asyncio.Semaphore(AT_ONCE), list[float]()
    joining: set[Listener] = set()

    async def join(url: str) -> None:
        async with gate:
            listener, began_s = Listener(url, "hall"), loop.time()
            joining.add(listener)
            with suppress(Refused, ConnectionError, TimeoutError):
                async with listener, asyncio.timeout(HEARD_WITHIN_S):
                    while not len(listener.arrivals):
                        await asyncio.sleep(0.01)
                    took_s.append(loop.time() - began_s)
            joining.discard(listener)

    async with attacked() as target:
        url = target.server.url
        async with Listener(url, "hall") as first:
            server = _remote_address(first)
            async with alongside(_flood(server, joining), "flood"):
                async with asyncio.TaskGroup() as group:
                    for number in range(count):
                        group.create_task(join(url), name=f"join-{number}")
        refused = await target.refused()
    return [
        Figure("joining.attempts", count, ""),
        Figure("joining.connected", len(took_s), "", bound=count, better="higher"),
        Figure("joining.took_p50", float(np.median(took_s)) if took_s else None, "s"),
        Figure("joining.took_max", max(took_s, default=None), "s"),
        Figure("joining.refused", refused, ""),
        target.faultless("joining"),
    ]


async def _flood(server: tuple[str, int], joining: set[Listener]) -> None:
    """Send hostile datagrams until cancelled."""
    rng, loop = random.Random(SEED), asyncio.get_running_loop()
    kinds = (ALERT, hello(), b"")
    start_s, sent = loop.time(), 0
    with strangers() as sockets:
        while True:
            while sent < (loop.time() - start_s) * RATE_PER_S:
                own = [*_sockets(joining)]
                send(rng.choice(own or sockets), rng.choice(kinds), server)
                send(rng.choice(sockets), rng.choice(kinds), server)
                sent += 2
            await asyncio.sleep(PASS_S)


def _sockets(joining: set[Listener]) -> Iterator[socket.socket]:
    """The sockets of participants who are joining."""
    for each in joining:
        if hasattr(each, "connection"):
            ice = each.connection.getTransceivers()[0].receiver.transport.transport._connection
            for protocol in ice._protocols:
                yield protocol.transport.get_extra_info("socket")._sock


def _remote_address(listener: Listener) -> tuple[str, int]:
    ice = listener.connection.getTransceivers()[0].receiver.transport.transport._connection
    host, port = ice._nominated[1].remote_addr
    return host, port
