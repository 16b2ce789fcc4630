"""The engines of an interpreter process: loaded at its start, and others beside them when there
are other models. What fails meanwhile is told, and those in use go on."""

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
    """``load`` runs in a thread; it returns the same engines where nothing changed. ``version``:
    of the models in use; "" where they are none of a catalogue."""

    def __init__(self, load: Callable[[], Engines], publish: Callable[[Message], None]) -> None:
        self._load = load
        self._publish = publish
        self._asked = asyncio.Event()
        self.version = ""

    def ask(self) -> None:
        """There may be other models."""
        self._asked.set()

    async def engines(self) -> Engines:
        """Those to begin with. Raises what ``load`` raises."""
        engines = await self._loaded()
        self._tell(engines)
        return engines

    async def run(self, shared: Shared, on_moved: Callable[[], None]) -> None:
        """Move each time that it is asked to: then ``shared`` has other engines, and ``on_moved``
        is called."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            problem = await self._move(shared, on_moved)
            self._tell(shared.engines, problem)

    async def _move(self, shared: Shared, on_moved: Callable[[], None]) -> str:
        """Returns why it could not; "" where it could."""
        try:
            engines = await self._loaded()
        except (ModelError, EngineError) as error:
            _log.error("other models cannot be used: %s", error)
            return str(error)
        except Exception as error:  # noqa: BLE001  whatever a library raises, the engines in use go on
            _log.error("other models cannot be used: %s", described(error))
            return f"{type(error).__name__}: the log says where"
        if engines is not shared.engines:
            shared.engines = engines
            on_moved()
        return ""

    async def _loaded(self) -> Engines:
        # Not at a lower priority, although others speak meanwhile: the threads that the libraries
        # make now would keep it.
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
