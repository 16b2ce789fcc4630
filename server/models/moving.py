"""The server moves to other models while it runs: it notices that some were installed, has the
interpreter load them, and then offers what they make possible.

Where an interpreter dies of its models, the next one gets those that are known to work.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path
from typing import Final

from server.bus.messages import Heartbeat, Message, Models, Reload
from server.config import STARTER_MODELS, Config
from server.models.catalogue import MANIFEST, Catalogue
from server.models.current import Current, decoded, encoded, version
from server.models.installed import STARTER, fetched_into

#: How often to look whether models were installed. They count when nothing was for as long.
LOOK_S: Final = 2.0
#: Who dies within so long after moving died of the new models.
TRIAL_S: Final = 30.0
#: After so long the interpreter is asked again which models it has.
ASK_AGAIN_S: Final = 10.0
#: Option of an interpreter: a file with the models to begin with.
OPTION: Final = "--catalogue"

_log = logging.getLogger(__name__)


class Moves:
    """Replaces what ``current`` has when the interpreter says that it has other models, and calls
    ``on_moved``.

    ``proven``: models that an interpreter can be started with if it dies of those that it finds;
    None where none are known yet. ``scratch``: a file to name them in. ``held``: somebody installs
    models one by one; wait until all are there.
    """

    def __init__(
        self,
        current: Current,
        publish: Callable[[Message], None],
        proven: Catalogue | None,
        scratch: Path,
        on_moved: Callable[[], None],
    ) -> None:
        self.held = False
        self.options: Sequence[str] = ()  # for the next interpreter
        self._current = current
        self._publish = publish
        self._proven = proven
        self._scratch = scratch
        self._on_moved = on_moved
        self._lived = False  # this interpreter has loaded its models
        self._trial_until = -inf
        self._asked_at = -inf

    async def watch(self, folder: Path) -> None:
        """Move when models are installed in ``folder``; for ever."""
        moved = latest = _stamp(folder)
        while True:
            await asyncio.sleep(LOOK_S)
            before, latest = latest, _stamp(folder)
            if latest == before != moved and not self.held:
                moved = latest
                self._ask()

    def heard(self, heartbeat: Heartbeat, ready: bool) -> None:
        """The interpreter lives, and is ``ready``. It may have moved, and the word of it was
        lost."""
        self._lived = self._lived or ready
        other = heartbeat.version and heartbeat.version != version(self._current.catalogue)
        if other and _now() - self._asked_at > ASK_AGAIN_S:
            self._ask()

    def told(self, models: Models) -> None:
        """The interpreter has these models now, or could not move to others."""
        if models.problem:
            self._trial_until = -inf
            _log.error("the models that were installed cannot be used: %s", models.problem)
        elif models.version == version(self._current.catalogue):
            self._trial_until = min(self._trial_until, _now())
        else:
            self._settle()
            self._trial_until = _now() + TRIAL_S
            self.options = ()
            self._replace(decoded(models.manifest))

    def lost(self) -> None:
        """The interpreter died. The next is to be started with ``options``."""
        self._settle()
        of_its_models = _now() < self._trial_until or not self._lived
        self._trial_until = -inf
        self._lived = False
        if of_its_models and self._proven is not None and not self.options:
            _log.error(
                "the interpreter died of its models: it goes on with those from before (%s), until "
                "others are installed or the server is started again",
                _names(self._proven),
            )
            self._scratch.write_bytes(encoded(self._proven))
            self.options = (OPTION, str(self._scratch))
            self._replace(self._proven)

    def _ask(self) -> None:
        self._settle()
        self._trial_until = inf
        self._asked_at = _now()
        self._publish(Reload())

    def _settle(self) -> None:
        """The models in use work, unless they are still on trial."""
        if self._lived and self._trial_until <= _now():
            self._proven = self._current.catalogue

    def _replace(self, catalogue: Catalogue) -> None:
        if version(catalogue) != version(self._current.catalogue):
            self._current.catalogue = catalogue
            _log.info("in use now: %s", _names(catalogue))
            self._on_moved()


def folder_of(config: Config) -> Path:
    """Where models are installed while a server with these settings runs."""
    if config.models == STARTER:
        return STARTER_MODELS
    return Path(config.models) if config.models else fetched_into(Path(config.state))


def _names(catalogue: Catalogue) -> str:
    return ", ".join(model.name for model in catalogue.models)


def _stamp(folder: Path) -> tuple[int, ...]:
    """Another one when something was installed."""
    paths = [path for path in (folder, folder / MANIFEST) if path.exists()]
    return tuple(path.stat().st_mtime_ns for path in paths)


def _now() -> float:
    return asyncio.get_running_loop().time()
