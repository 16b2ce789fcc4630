"""Sends hostile datagrams into live sessions: is anybody silenced or delayed, does anything break?

Half of them come from unknown ports. A third come from the participants' own addresses, as if
somebody forged them. The rest come from two participants of another stream, authentic but wrong.
"""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress

import numpy as np
from numpy.typing import NDArray

from server.client.conversation import Participant, alongside
from server.client.participants import Listener, Refused, Speaker
from server.demo import clip
from signaling import messages as wire
from tools.attack.ends import End, send
from tools.attack.mutation import Mutator
from tools.attack.nonsense import stranger
from tools.attack.target import attacked
from tools.figures import Figure
from tools.packets import lateness_s

COUNT, QUICK_COUNT = 100_000, 2_000
RATE_PER_S, QUICK_RATE_PER_S = 5_000, 1_000
LISTENERS, QUICK_LISTENERS = 10, 2
STRANGERS = 20
SEED = 5
#: The time before and after the attack.
SETTLE_S = 2.0
PASS_S = 0.01


async def run(quick: bool) -> list[Figure]:
    count = QUICK_COUNT if quick else COUNT
    rate = QUICK_RATE_PER_S if quick else RATE_PER_S
    loop = asyncio.get_running_loop()
    async with attacked() as target, AsyncExitStack() as stack:
        url = target.server.url
        speaker = await stack.enter_async_context(Speaker(url, "hall", "nl"))
        listeners = [
            await stack.enter_async_context(Listener(url, "hall"))
            for _ in range(QUICK_LISTENERS if quick else LISTENERS)
        ]
        hostile: list[Participant] = [
            await stack.enter_async_context(each)
            for each in (Speaker(url, "elsewhere", "nl"), Listener(url, "elsewhere"))
        ]
        await stack.enter_async_context(alongside(_speak(speaker), "speaking"))
        await asyncio.sleep(SETTLE_S)
        before = await target.server.metric("process_resident_memory_bytes")
        since_s = loop.time()
        await _fire(count, rate, [speaker, *listeners], hostile)
        until_s = loop.time()
        heard = [len(each.arrivals) for each in listeners]
        await asyncio.sleep(SETTLE_S)
        grown = await target.server.metric("process_resident_memory_bytes") - before
        silent = sum(
            len(each.arrivals) == so_far for each, so_far in zip(listeners, heard, strict=True)
        )
        lost = sum(_is_lost(each) for each in (speaker, *listeners))
        refused = await target.refused()
    late_ms = np.concatenate([_lateness_ms(each, since_s, until_s) for each in listeners])
    return [
        Figure("datagrams.sent", count, ""),
        Figure("datagrams.refused", refused, ""),
        Figure("datagrams.listeners", len(listeners), ""),
        Figure("datagrams.sessions_lost", lost, "", bound=0),
        Figure("datagrams.listeners_silent", silent, "", bound=0),
        target.faultless("datagrams"),
        Figure("datagrams.lateness_p99", float(np.percentile(late_ms, 99)), "ms"),
        Figure("datagrams.lateness_max", float(late_ms.max()), "ms", bound=60),
        Figure("datagrams.memory_growth", grown / 1e6, "MB", bound=50),
    ]


async def _speak(speaker: Speaker) -> None:
    """Speak as long as the connection lasts."""
    with suppress(Refused, TimeoutError):
        while True:
            await speaker.play(clip("nl"))


async def _fire(
    count: int, rate: int, victims: Sequence[Participant], hostile: Sequence[Participant]
) -> None:
    """Send datagrams, evenly over time."""
    mutator, loop = Mutator(SEED), asyncio.get_running_loop()
    rng = mutator.random
    with strangers() as sockets, ExitStack() as stack:
        ends, enemies = [[End(each.connection) for each in group] for group in (victims, hostile)]
        for each in (*ends, *enemies):
            stack.callback(each.close)
        start_s = loop.time()
        for number in range(count):
            victim, lot = rng.choice(ends), rng.random()
            if lot < 0.5:
                send(rng.choice(sockets), stranger(victim.username, mutator), victim.server)
            elif lot < 0.8:
                victim.send(stranger(victim.username, mutator))
            else:
                rng.choice(enemies).send_authentic(mutator)
            if number % max(1, int(rate * PASS_S)) == 0:
                await asyncio.sleep(start_s + number / rate - loop.time())


@contextmanager
def strangers() -> Iterator[list[socket.socket]]:
    """Sockets on ports that are unknown to the server."""
    with ExitStack() as stack:
        sockets = []
        for _ in range(STRANGERS):
            own = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            own.setblocking(False)
            sockets.append(own)
        yield sockets


def _is_lost(participant: Participant) -> bool:
    """Whether its session ended, or sound stopped."""
    return participant.closed or any(
        isinstance(message, wire.Error) for _, message in participant.received
    )


def _lateness_ms(listener: Listener, since_s: float, until_s: float) -> NDArray[np.float64]:
    at_s = listener.arrivals.at_s
    during = (at_s >= since_s) & (at_s <= until_s)
    return lateness_s(at_s[during], listener.arrivals.timestamps[during]) * 1e3
