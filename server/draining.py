"""Stopping without cutting anybody short: what was said until now is still interpreted and heard.

Nobody is admitted any more, and what is said from now on is not heard. It ends when nothing has
been left to say for a while, after FINISH_S, or at once if the host asks again.
"""

import asyncio
from typing import Final

from server.streams.live_streams import LiveStreams
from server.streams.registry import ConnectionManager

FINISH_S: Final = 5.0
#: A clause is translated and spoken within so long, mostly. Nothing tells when it is.
SILENT_S: Final = 1.5
LOOK_S: Final = 0.05


async def finish(manager: ConnectionManager, live: LiveStreams, hurry: asyncio.Event) -> None:
    """Wait until what was said is heard. ``hurry``: do not wait."""
    manager.draining = True
    for stream in live:
        stream.hear_no_more()
    if not any(stream.is_interpreted for stream in live):
        return
    loop = asyncio.get_running_loop()
    end_s = loop.time() + FINISH_S
    silent_at_s = loop.time()
    while not hurry.is_set() and loop.time() < min(end_s, silent_at_s + SILENT_S):
        if any(stream.is_unfinished for stream in live):
            silent_at_s = loop.time()
        await asyncio.sleep(LOOK_S)
