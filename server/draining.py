"""Stopping without cutting anybody short: what was said until now is still interpreted and heard.

Nobody is admitted any more, and what is said from now on is not heard. It ends when nothing has
been left to say for a while, after FINISH_S, or at once if the host asks again.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from server.streams.live_streams import LiveStreams
from server.streams.registry import ConnectionManager

FINISH_S: Final = 5.0
#: A clause is translated and spoken within so long, mostly. Nothing tells when it is.
SILENT_S: Final = 1.5
#: How long a process that is to be replaced waits for the speakers to pause.
PAUSE_S: Final = 10.0
#: An interpreter also takes silence, and says once a second up to where it has.
REST_S: Final = 2.5
LOOK_S: Final = 0.05


async def finish(
    manager: ConnectionManager, live: LiveStreams, hurry: asyncio.Event, *, floor: bool = False
) -> None:
    """Wait until what was said is heard. ``hurry``: do not wait. ``floor``: speakers themselves
    are heard until the end; they are not interpreted any more."""
    manager.draining = True
    for stream in live:
        stream.take(floor=floor, interpreted=False)
    if any(stream.is_interpreted for stream in live):
        await _quiet(live, hurry, FINISH_S, 0.0)


def go_on(manager: ConnectionManager, live: LiveStreams) -> None:
    """Admit and hear people again, after ``finish``."""
    manager.draining = False
    for stream in live:
        stream.take(floor=True, interpreted=True)


async def pause(live: LiveStreams, hurry: asyncio.Event) -> bool:
    """Wait for a moment in which nothing is left to interpret or to speak, PAUSE_S at most.
    Returns whether it is there. ``hurry``: do not wait."""
    return not any(stream.is_interpreted for stream in live) or await _quiet(
        live, hurry, PAUSE_S, REST_S
    )


async def _quiet(live: LiveStreams, hurry: asyncio.Event, limit_s: float, rest_s: float) -> bool:
    """Wait until nothing was left to say for SILENT_S, or for ``limit_s``. Returns whether it
    was. ``rest_s``: so much audio may wait to be interpreted."""
    now: Callable[[], float] = asyncio.get_running_loop().time
    end_s = now() + limit_s
    silent_at_s = now()
    while not hurry.is_set() and now() < min(end_s, silent_at_s + SILENT_S):
        if any(stream.unfinished_s > rest_s for stream in live):
            silent_at_s = now()
        await asyncio.sleep(LOOK_S)
    return now() >= silent_at_s + SILENT_S
