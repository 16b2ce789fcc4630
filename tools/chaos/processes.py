"""The server's own processes are killed or stopped while people listen."""

import asyncio
import contextlib
import os
import random
import signal
import socket
from pathlib import Path
from typing import Final

from tools.bench.serving import Serving, serving
from tools.chaos.people import Guest, audience
from tools.figures import Figure

LISTENERS, QUICK_LISTENERS = 20, 4
#: For the row "random".
MANY, QUICK_MANY = 100, 6
SECONDS, QUICK_SECONDS = 600.0, 45.0
EVERY_S, QUICK_EVERY_S = 20.0, 15.0
#: How long people are watched after a fault.
WATCHED_S, QUICK_WATCHED_S = 20.0, 12.0
AVAILABLE: Final = 99.5
ORPHANS_S: Final = 5.0


async def edge_killed(quick: bool, busy: bool) -> list[Figure]:
    return await _edge("edge_killed", signal.SIGKILL, quick, 2.0 if busy else 1.0)


async def edge_stopped(quick: bool, busy: bool) -> list[Figure]:
    return await _edge("edge_stopped", signal.SIGSTOP, quick, 5.0 if busy else 4.0)


async def _edge(name: str, number: signal.Signals, quick: bool, bound_s: float) -> list[Figure]:
    count = QUICK_LISTENERS if quick else LISTENERS
    async with (
        serving("--media-processes", "2") as server,
        audience(server.url, count) as guests,
    ):
        at_s = asyncio.get_running_loop().time()
        os.kill(server.children("media")[0], number)
        await asyncio.sleep(QUICK_WATCHED_S if quick else WATCHED_S)
        moved = sum(len(guest.stays) > 1 for guest in guests)
        again = [guest.again_s(at_s) for guest in guests]
    return [
        Figure(f"{name}.listeners", count, ""),
        Figure(f"{name}.listeners_of_the_edge", moved, "", bound=1, better="higher"),
        *_heard_again(name, again, bound_s),
    ]


def _heard_again(name: str, again: list[float | None], bound_s: float) -> list[Figure]:
    back = [each for each in again if each is not None]
    return [
        Figure(f"{name}.silent_for_good", len(again) - len(back), "", bound=0),
        Figure(f"{name}.silent_max", max(back, default=None), "s", bound=bound_s),
    ]


async def server_killed(quick: bool, busy: bool) -> list[Figure]:
    """The main process is killed, and started again at once, as systemd does after a second."""
    count = QUICK_LISTENERS if quick else LISTENERS
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    async with contextlib.AsyncExitStack() as first:
        server = await first.enter_async_context(serving("--port", port))
        async with audience(server.url, count) as guests:
            left = [*server.children("worker"), *server.children("media")]
            at_s = asyncio.get_running_loop().time()
            os.kill(server.pid, signal.SIGKILL)
            await first.aclose()
            async with serving("--port", port):
                await asyncio.sleep(QUICK_WATCHED_S if quick else WATCHED_S)
                again = [guest.again_s(at_s) for guest in guests]
    orphans = [pid for pid in left if _runs(pid)]
    return [
        Figure("server_killed.listeners", count, ""),
        *_heard_again("server_killed", again, 8.0 if busy else 5.0),
        Figure("server_killed.processes_left", len(orphans), "", bound=0),
    ]


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}/cmdline").exists()


async def at_random(quick: bool, busy: bool) -> list[Figure]:
    """The interpreter or the edge is killed again and again."""
    count = QUICK_MANY if quick else MANY
    loop, kills = asyncio.get_running_loop(), 0
    async with (
        serving("--media-processes", "2") as server,
        audience(server.url, count, "en+floor") as guests,
    ):
        since_s = loop.time()
        until_s = since_s + (QUICK_SECONDS if quick else SECONDS)
        while loop.time() < until_s:
            kills += _kill_one(server)
            await asyncio.sleep(QUICK_EVERY_S if quick else EVERY_S)
        end_s = loop.time()
        shares = [100 * guest.available(since_s, end_s) for guest in guests]
        silent = sum(_is_silent(guest, end_s) for guest in guests)
    return [
        Figure("random.listeners", count, ""),
        Figure("random.kills", kills, ""),
        Figure(
            "random.sound_available", sum(shares) / count, "%", bound=AVAILABLE, better="higher"
        ),
        Figure("random.sound_available_worst", min(shares), "%"),
        Figure("random.silent_at_the_end", silent, "", bound=0),
    ]


def _kill_one(server: Serving) -> int:
    with contextlib.suppress(LookupError, IndexError, ProcessLookupError):
        pid = random.choice([server.interpreter_pid(), server.children("media")[0]])
        os.kill(pid, signal.SIGKILL)
        return 1
    return 0


def _is_silent(guest: Guest, now_s: float) -> bool:
    at_s = guest.at_s
    return not at_s.size or now_s - at_s[-1] > 2.0
