"""An interpreter process from its start to its end."""

import asyncio
import dataclasses
import logging
import os
import sys
from collections.abc import Callable
from typing import Final

from server.bus.messages import Message
from server.bus.protocol import Bus
from server.interpretation.ctranslate2_device import Wanted
from server.interpretation.loading import load
from server.interpretation.policies import DEFAULT_POLICY, PolicyName
from server.interpretation.shared import Engines, Limits
from server.interpretation.worker import Worker
from server.models.catalogue import Catalogue
from server.models.current import version
from server.process import on_sigterm

#: How much lower its priority is than the media process's, whose clock ticks every 20 ms. Beside
#: other sessions it counts nothing where Linux gives each session an equal share (autogroup).
NICE: Final = 5
#: How long running engine calls may take at the end, before the process ends without them.
LAST_CALLS_S: Final = 1.0
DEFAULT_LIMITS: Final = Limits()

_log = logging.getLogger(__name__)


def loader(catalogue: Callable[[], Catalogue], device: Wanted = "auto") -> Callable[[], Engines]:
    """A function that loads the models of ``catalogue``, which it calls each time; if they are the
    same as before, it returns the same engines. ``device``: for models that can run on a GPU. It
    raises ModelError."""
    made: dict[str, Engines] = {}  # only the latest, by version

    def engines() -> Engines:
        found = catalogue()
        if version(found) not in made:
            latest = dataclasses.replace(load(found, device), catalogue=found)
            made.clear()
            made[version(found)] = latest
        return made[version(found)]

    return engines


def standing_by(load: Callable[[], Engines]) -> Callable[[], Engines] | None:
    """Load the models, say so, and wait for the word to begin; see ``server.bus.spare``. Returns
    ``load``, which has already loaded the first time. None if the server is gone. Blocks."""
    ahead = [load()]
    try:
        print("ready", flush=True)
    except BrokenPipeError:  # the server was killed meanwhile
        sys.stdout = None
        return None
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nobody reads it any more
    if not sys.stdin.readline():
        return None
    return lambda: ahead.pop() if ahead else load()


async def run(
    bus: Bus[Message],
    load: Callable[[], Engines],
    limits: Limits = DEFAULT_LIMITS,
    policy: PolicyName = DEFAULT_POLICY,
) -> None:
    """Interpret until the bus closes, on SIGTERM, or until the parent process is gone. ``load`` is
    called again at each Reload.

    Raises what ``load`` raises. If an engine call hangs at the end, it ends the process at once,
    because nothing else ends a native call.
    """
    worker = Worker(bus, load, limits, policy)
    loop = asyncio.get_running_loop()
    try:
        with on_sigterm(worker.stop):
            await worker.run()
    finally:
        deadline = loop.time() + LAST_CALLS_S
        while worker.stuck_s() and loop.time() < deadline:
            await asyncio.sleep(0.05)
        if worker.stuck_s():
            _log.warning("an engine call hangs; the process ends without waiting for it")
            logging.shutdown()
            os._exit(1)
