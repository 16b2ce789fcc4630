"""Changes to other models while the server runs: notices that models were installed, has the
interpreter load them, and then offers the languages that they make possible.

If an interpreter dies of its models, the next one gets models that are known to work.
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

#: How often to look whether models were installed. New ones are used once nothing has changed
#: between two looks.
LOOK_S: Final = 2.0
#: An interpreter that dies within this time after changing its models died of the new models.
TRIAL_S: Final = 30.0
#: The shortest time between two requests to the interpreter to say which models it has.
ASK_AGAIN_S: Final = 10.0
#: The option of an interpreter that names a file with the models to begin with.
OPTION: Final = "--catalogue"

_log = logging.getLogger(__name__)


class Moves:
    """Replaces the models in ``current`` when the interpreter reports other ones, and then calls
    ``on_moved``.

    ``proven``: models that are known to work, for the next interpreter if one dies of its models;
    None if none are known yet. ``scratch``: the file in which to pass them. ``held``: models are
    being installed one by one, so wait until all are complete.
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
        """Change the models whenever some are installed in ``folder``, until cancelled."""
        moved = latest = _stamp(folder)
        while True:
            await asyncio.sleep(LOOK_S)
            before, latest = latest, _stamp(folder, latest)
            if latest == before != moved and not self.held:
                moved = latest
                self._ask()

    def heard(self, heartbeat: Heartbeat, ready: bool) -> None:
        """Handle a heartbeat. If the interpreter has other models than known here, its message
        about them was lost: ask again."""
        self._lived = self._lived or ready
        other = heartbeat.version and heartbeat.version != version(self._current.catalogue)
        if other and _now() - self._asked_at > ASK_AGAIN_S:
            self._ask()

    def told(self, models: Models) -> None:
        """Handle the interpreter's message about its models, or why it could not load new ones."""
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
        """The interpreter died. Sets ``options``, with which to start the next one."""
        self._settle()
        of_its_models = _now() < self._trial_until or not self._lived
        self._trial_until = -inf
        self._lived = False
        if of_its_models and self.options:
            _log.error("the earlier models cannot be loaded either; those installed are tried")
            self.options = ()
            return
        if of_its_models and self._proven is not None and not self.options:
            _log.error(
                "the interpreter died of its models; the earlier ones (%s) are used until others "
                "are installed or the server is restarted",
                _names(self._proven),
            )
            try:
                self._scratch.write_bytes(encoded(self._proven))
            except OSError as error:
                _log.error("they cannot be passed to it (%s), so it tries its own", error)
                return
            self.options = (OPTION, str(self._scratch))
            self._replace(self._proven)

    def _ask(self) -> None:
        self._settle()
        self._trial_until = inf
        self._asked_at = _now()
        self._publish(Reload())

    def _settle(self) -> None:
        """Take the models in use as proven, unless they are still on trial."""
        if self._lived and self._trial_until <= _now():
            self._proven = self._current.catalogue

    def _replace(self, catalogue: Catalogue) -> None:
        if version(catalogue) != version(self._current.catalogue):
            self._current.catalogue = catalogue
            _log.info("models in use now: %s", _names(catalogue))
            self._on_moved()


def folder_of(config: Config) -> Path:
    """The folder in which models are installed, for a server with these settings."""
    if config.models == STARTER:
        return STARTER_MODELS
    return Path(config.models) if config.models else fetched_into(Path(config.state))


def _names(catalogue: Catalogue) -> str:
    return ", ".join(model.name for model in catalogue.models)


def _stamp(folder: Path, before: tuple[int, ...] = ()) -> tuple[int, ...]:
    """A value that changes when something is installed in ``folder``. ``before``: the last one, if
    the disk fails."""
    found = []
    for path in (folder, folder / MANIFEST):
        try:
            found.append(path.stat().st_mtime_ns)
        except FileNotFoundError:
            pass
        except OSError:
            return before
    return tuple(found)


def _now() -> float:
    return asyncio.get_running_loop().time()
