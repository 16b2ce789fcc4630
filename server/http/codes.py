"""QR codes of addresses. Drawing one takes up to 20 ms, so that is done in a thread."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Final

import segno
from aiohttp import web

from signaling.errors import ProtocolError

#: Codes that may wait to be drawn: about a second's work.
MOST_WAITING: Final = 50
RETRY_S: Final = 2.0
#: Codes that are kept, of some kilobytes each.
MOST_KEPT: Final = 64


class Codes:
    """Draws them, one after another."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "codes")
        self._waiting = 0

    async def close(self, app: web.Application) -> None:
        """Draw no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def drawn(self, address: str, *, secret: bool) -> str:
        """The code of ``address`` as SVG; its title is the address. ``secret``: nothing is kept of
        it, as it has a token. Raises ProtocolError if too many wait."""
        if self._waiting >= MOST_WAITING:
            raise ProtocolError("unavailable", "many codes are drawn now", retry_after_s=RETRY_S)
        self._waiting += 1
        try:
            draw = _drawn if secret else _kept
            return await asyncio.get_running_loop().run_in_executor(self._pool, draw, address)
        finally:
            self._waiting -= 1


def _drawn(address: str) -> str:
    image = io.BytesIO()
    segno.make(address, micro=False).save(
        image, kind="svg", scale=8, border=2, dark="#000", light="#fff", xmldecl=False,
        title=address,
    )  # fmt: skip
    return image.getvalue().decode()


_kept = lru_cache(MOST_KEPT)(_drawn)
