"""Whoever joins or leaves costs a few milliseconds of this loop, in steps of about one: an offer
read, a key exchanged, a connection closed. Hundreds who come at once would make a tick wait
for all of their steps. So the steps take turns, and the loop gets to everything else between.
"""

import asyncio
from typing import Any


class Turns:
    """First come, first served."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def wait(self) -> None:
        """Until it is one's turn to keep the loop busy for a moment."""
        async with self._lock:
            await asyncio.sleep(0)

    def pace_handshake(self, dtls: Any) -> None:
        """Let an aiortc DTLS transport take each datagram of its handshake in its turn. One that
        it gives up waiting for, to repeat its own, is there when it asks again."""
        ice = dtls.transport
        receive = ice._recv
        taken: list[bytes] = []

        async def in_turn() -> bytes:
            if not taken:
                taken.append(await receive())
            if dtls.encrypted:
                ice._recv = receive  # from now on it costs little
            else:
                await self.wait()
            return taken.pop()

        ice._recv = in_turn
