"""Keeps joining, choosing and leaving from delaying the 20 ms clock.

Each join or leave takes a few milliseconds of the loop, in steps of about one: an offer is read,
keys are exchanged, a connection is closed. To choose a channel takes half a one where there are
hundreds of listeners. If hundreds come at once, a tick would wait for all their steps. So the
steps take turns, and the loop does everything else between them.
"""

import asyncio


class Turns:
    """First come, first served."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def wait(self) -> None:
        """Wait for a turn to keep the loop busy for a moment."""
        async with self._lock:
            await asyncio.sleep(0)
