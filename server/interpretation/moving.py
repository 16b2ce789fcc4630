"""Loads the engines of an interpreter process, and new ones when the installed models change. The
old engines are used until the new ones are loaded. If loading fails, that is reported and the old
ones stay in use."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from server.bus.messages import Message, Models
from server.interpretation.engines import EngineError, ModelError
from server.interpretation.lanes import Lane
from server.interpretation.shared import Engines, Shared
from server.models.current import encoded, version
from server.process import described

LOADING_LIMIT_S: Final = 600.0

_log = logging.getLogger(__name__)


class Moving:
    """Loads engines and moves to new ones. ``load``: called in a thread; it returns the same
    engines if nothing changed. ``version``: of the models in use; "" if they have no catalogue."""

    def __init__(self, load: Callable[[], Engines], publish: Callable[[Message], None]) -> None:
        self._load = load
        self._publish = publish
        self._asked = asyncio.Event()
        self.version = ""

    def ask(self) -> None:
        """Ask ``run`` to load again: the installed models may have changed."""
        self._asked.set()

    async def engines(self) -> Engines:
        """Load the first engines. Raises what ``load`` raises."""
        engines = await self._loaded()
        self._tell(engines)
        return engines

    async def run(self, shared: Shared, on_moved: Callable[[], None]) -> None:
        """After each ``ask``, load engines. If they are new, put them into ``shared`` and call
        ``on_moved``."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            problem = await self._move(shared, on_moved)
            self._tell(shared.engines, problem)

    async def _move(self, shared: Shared, on_moved: Callable[[], None]) -> str:
        """Returns why new engines could not be loaded; "" if they could."""
        try:
            engines = await self._loaded()
        except (ModelError, EngineError) as error:
            _log.error("the new models cannot be used: %s", error)
            return str(error)
        except Exception as error:  # noqa: BLE001  whatever a library raises, the engines in use go on
            _log.error("the new models cannot be used: %s", described(error))
            return f"{type(error).__name__}; see the log"
        if engines is not shared.engines:
            shared.engines = engines
            on_moved()
        return ""

    async def _loaded(self) -> Engines:
        # Not at a lower priority: the threads that the libraries create now would keep it.
        lane = Lane("load", "")
        try:
            return await lane.call(LOADING_LIMIT_S, self._load)
        finally:
            lane.close()

    def _tell(self, engines: Engines, problem: str = "") -> None:
        catalogue = engines.catalogue
        if catalogue is not None:
            self.version = version(catalogue)
        if catalogue is not None or problem:
            manifest = encoded(catalogue) if catalogue else b"[]"
            self._publish(Models(version=self.version, manifest=manifest, problem=problem))
