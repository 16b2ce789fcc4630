"""Whoever joins or leaves costs a few milliseconds of this loop, in steps of about one: an offer
read, a key exchanged, a connection closed. Hundreds who come at once would make a tick wait
for all of their steps. So the steps take turns, and the loop gets to everything else between.
"""

import asyncio


class Turns:
    """First come, first served."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def wait(self) -> None:
        """Until it is one's turn to keep the loop busy for a moment."""
        async with self._lock:
            await asyncio.sleep(0)
