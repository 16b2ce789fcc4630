"""Which models a server works with: what was fetched, what a folder holds, what is shipped."""

import logging
from pathlib import Path
from typing import Final

import msgspec

from server.config import STARTER_MODELS, RecognizerChoice
from server.interpretation.engines import ModelError
from server.models.catalogue import MANIFEST, Catalogue, Model
from server.models.formats import recognised
from server.models.store import Store

#: The setting ``models``: only those that are shipped.
STARTER: Final = "starter"

_log = logging.getLogger(__name__)


def fetched_into(state: Path) -> Path:
    """The folder for fetched models in the state folder."""
    return state / "models"


def catalogue_of(models: str, state: Path, recognizer: RecognizerChoice = "auto") -> Catalogue:
    """The models that the settings ``models`` and ``recognizer`` mean. Raises ModelError where
    there is no recogniser of the kind asked for, and as ``_all_of`` does."""
    found = _all_of(models, state)
    if recognizer == "auto":
        return found
    kept = [
        model
        for model in found.models
        if model.kind != "recognizer" or (model.format == "whisper") == (recognizer == "whisper")
    ]
    if not any(model.kind == "recognizer" for model in kept):
        raise ModelError(
            f"--recognizer {recognizer}: none is installed; see `python -m server models list`"
        )
    return Catalogue(found.folder, kept)


def _all_of(models: str, state: Path) -> Catalogue:
    """The models that the setting ``models`` means.

    "": what was fetched into ``state``, and what is shipped where there is nothing better; what
    is broken is left out, and logged. "starter": what is shipped. Else a folder: with a
    manifest.json that and nothing else, without one the models in it and what is shipped.
    Checksums are compared of what is shipped, sizes of what was fetched (``models verify``
    compares more). Raises ModelError.
    """
    if models == STARTER:
        return Catalogue.load(STARTER_MODELS)
    if not models:
        found = []
        store = Store(fetched_into(state))
        for name in store.names():
            try:
                found.append(entry(store, name))
            except ModelError as error:
                _log.warning("a model is left out: %s", error)
        return _with_starter(found)
    folder = Path(models)
    if (folder / MANIFEST).exists():
        return Catalogue.load(folder)
    store = Store(folder)
    found = [entry(store, name) for name in store.names()]
    if not found:
        return Catalogue.load(folder)  # says what is wrong with it
    return _with_starter(found)


def entry(store: Store, name: str) -> tuple[int, Model]:
    """The bytes of a model in ``store``, and what it is; its path is absolute. Raises ModelError
    where it is broken."""
    folder = (store.root / name).absolute()
    record = store.record(name)
    if record:
        return record.size, msgspec.structs.replace(record.model, path=str(folder))
    what = recognised(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return size, Model(
        name=name,
        kind=what.kind,
        path=str(folder),
        licence="see the package",
        files={},
        languages=list(what.languages),
        pairs=list(what.pairs),
        wants_case=what.wants_case,
        format=what.format,
    )


def _with_starter(found: list[tuple[int, Model]]) -> Catalogue:
    """Whisper before Vosk, large before small, what is shipped last."""
    found.sort(key=lambda each: (each[1].format != "whisper", -each[0]))
    starter = Catalogue.load(STARTER_MODELS)
    return Catalogue(STARTER_MODELS, [model for _, model in found] + starter.models)
