"""The server under attack, and the faults in its log."""

import asyncio
import contextlib
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import IO

from tools.bench.serving import Serving, serving
from tools.figures import Figure

#: What Python and the server log of unexpected exceptions.
_FAULT = re.compile(rb"^(?:.*Traceback|\S+ \S+ (?:ERROR|CRITICAL) ).*", re.MULTILINE)
#: The server updates its metrics once a second.
COUNTED_EVERY_S = 1.1
#: So many lines of the log are shown for each fault.
_SHOWN = 12


@dataclass
class Target:
    """``server``: the server that is attacked. ``faults``: the number of unexpected exceptions in
    its log; known after it has ended."""

    server: Serving
    faults: int = 0

    async def refused(self) -> float:
        """The number of datagrams and packets that it has refused until now."""
        await asyncio.sleep(COUNTED_EVERY_S)
        try:
            return await self.server.metric("tolk_hostile_datagrams")
        except KeyError:
            return 0

    def faultless(self, attack: str) -> Figure:
        return Figure(f"{attack}.unhandled_exceptions", self.faults, "", bound=0)


@contextlib.asynccontextmanager
async def attacked(*options: str) -> AsyncIterator[Target]:
    """A server that is ready, on loopback. On leaving it is stopped and its log is read."""
    with tempfile.TemporaryFile() as log:
        async with serving("--host", "127.0.0.1", *options, log=log) as server:
            target = Target(server)
            yield target
        target.faults = _faults(log)


def _faults(log: IO[bytes]) -> int:
    """The number of faults in a log. They are printed, because the log is not kept."""
    log.seek(0)
    text = log.read()
    found = list(_FAULT.finditer(text))
    for fault in found[:3]:
        lines = text[fault.start() :].split(b"\n", _SHOWN)[:_SHOWN]
        print(b"\n".join(lines).decode(errors="replace"), file=sys.stderr)
    return len(found)
