"""The server is told to stop, or to read its settings again, while 100 people listen."""

import asyncio
import json
import os
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from server import succession
from server.client.participants import Listener, Speaker
from server.demo import clip
from signaling import messages as wire
from signaling.messages import ChannelState
from tools.bench.fanout import SETTLE_S
from tools.bench.joining import joining
from tools.bench.load import Listeners, delivered
from tools.bench.serving import serving
from tools.chaos.people import STREAM, audience
from tools.figures import Figure

LISTENERS, QUICK_LISTENERS = 100, 5
RELOADS, QUICK_RELOADS = 5, 2
#: The phrase of the clip after which the server is stopped.
PHRASE: Final = 2
END_S: Final = 12.0
BOUND_S: Final = 6.0
TAKEN_S: Final = 180.0
#: A caption's end may be wrong by this much.
MARGIN_S: Final = 0.5


async def sigterm(quick: bool, busy: bool) -> list[Figure]:
    count = QUICK_LISTENERS if quick else LISTENERS
    described = json.loads(Path("server/demo/nl.json").read_text(encoding="utf8"))
    end_s = float(described["phrases"][PHRASE]["end_s"])
    async with serving() as server, AsyncExitStack() as stack:
        heard = await stack.enter_async_context(Listener(server.url, STREAM, "en", captions=["en"]))
        guests = [
            await stack.enter_async_context(Listener(server.url, STREAM, "en"))
            for _ in range(count - 1)
        ]
        speaker = await stack.enter_async_context(Speaker(server.url, STREAM, "nl"))
        await heard.expect(ChannelState, lambda state: state.status == "live", within_s=30)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        began_s = asyncio.get_running_loop().time()
        speaking = group.create_task(_spoken(speaker), name="speaking")
        await asyncio.sleep(end_s + 0.1)
        os.kill(server.pid, signal.SIGTERM)
        since_s = time.monotonic()
        while _runs(server.pid) and time.monotonic() - since_s < END_S:
            await asyncio.sleep(0.02)
        took_s = time.monotonic() - since_s
        speaking.cancel()
        untold = sum(not _told(each) for each in (heard, *guests))
        assert speaker.started_speaking_s is not None
        said_s = began_s - speaker.started_speaking_s + end_s
        captions = [each for _, each in heard.captions if each.status == "final"]
        last_s = max((each.end_ms / 1000 for each in captions), default=0.0)
    return [
        Figure("sigterm.listeners", count, ""),
        Figure("sigterm.ended_after", took_s, "s", bound=BOUND_S),
        Figure("sigterm.not_told", untold, "", bound=0),
        Figure("sigterm.words_unheard", max(0.0, said_s - last_s), "s", bound=MARGIN_S),
    ]


async def _spoken(speaker: Speaker) -> None:
    try:
        await speaker.play(clip("nl"))
    except Exception as ended:  # noqa: BLE001  the server is stopped, which ends it in some way
        del ended


def _told(listener: Listener) -> bool:
    """Whether it was told that the server goes, and when to come back."""
    return any(
        isinstance(each, wire.Error) and each.code == "unavailable" and each.retry_after_s
        for _, each in listener.received
    )


def _runs(pid: int) -> bool:
    """Whether the process runs; one that has ended stays as a zombie until it is waited for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def take_over(quick: bool, busy: bool) -> list[Figure]:
    """A new process takes the place of the server."""
    loop, count = asyncio.get_running_loop(), QUICK_LISTENERS if quick else LISTENERS
    async with serving() as server, audience(server.url, count) as guests:
        at_s, new = loop.time(), 0
        os.kill(server.pid, signal.SIGUSR2)
        try:
            while _runs(server.pid) and loop.time() - at_s < TAKEN_S:
                new = next(iter(server.children(succession.OPTION)), new)
                await asyncio.sleep(0.05)
            taken_s = None if _runs(server.pid) else loop.time() - at_s
            await asyncio.sleep(SETTLE_S)
            again = [guest.again_s(at_s) for guest in guests]
        finally:
            if new:
                os.kill(new, signal.SIGTERM)
                while _runs(new):
                    await asyncio.sleep(0.05)
    back = [each for each in again if each is not None]
    return [
        Figure("take_over.listeners", count, ""),
        Figure("take_over.taken_after", taken_s, "s"),
        Figure("take_over.silent_for_good", count - len(back), "", bound=0),
        Figure("take_over.silent_max", max(back, default=None), "s", bound=4.0 if busy else 2.0),
    ]


async def reload(quick: bool, busy: bool) -> list[Figure]:
    count = QUICK_LISTENERS if quick else LISTENERS
    async with serving() as server, AsyncExitStack() as stack:
        guests = await stack.enter_async_context(audience(server.url, 1))
        join = await stack.enter_async_context(joining(server.url, STREAM))
        listeners = Listeners(join)
        await stack.enter_async_context(listeners.alive())
        await listeners.join(count)
        await asyncio.sleep(SETTLE_S)
        async with listeners.recorded() as heard:
            for _ in range(QUICK_RELOADS if quick else RELOADS):
                os.kill(server.pid, signal.SIGHUP)
                await asyncio.sleep(1.5)
        found = delivered(heard, count)
        stays = len(guests[0].stays)
    return [
        Figure("reload.listeners", count, ""),
        Figure("reload.packets", found.packets, "", bound=50 * count, better="higher"),
        Figure("reload.packets_lost", found.lost, "", bound=0),
        Figure("reload.silent", found.silent, "", bound=0),
        Figure("reload.reconnects", stays - 1, "", bound=0),
        Figure("reload.lateness_max", 1e3 * float(found.lateness_s.max(initial=0)), "ms"),
    ]
