"""The models that a server uses: fetched ones, those of a given folder, and shipped ones."""

import logging
from pathlib import Path
from typing import Final

import msgspec

from server.config import STARTER_MODELS, RecognizerChoice
from server.interpretation.engines import ModelError
from server.models.catalogue import MANIFEST, Catalogue, Model
from server.models.formats import recognised
from server.models.store import Store

#: The value of the setting ``models`` for only the shipped ones.
STARTER: Final = "starter"

_log = logging.getLogger(__name__)


def fetched_into(state: Path) -> Path:
    """The folder for fetched models in the state folder."""
    return state / "models"


def catalogue_of(models: str, state: Path, recognizer: RecognizerChoice = "auto") -> Catalogue:
    """The models for the settings ``models`` and ``recognizer``. Raises ModelError if the models
    cannot be used, or have no recogniser of the wanted kind."""
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
    """The models for the setting ``models``.

    "": the models fetched into ``state``, then the shipped ones; broken ones are left out and
    logged. "starter": the shipped ones. Otherwise a folder: if it has a manifest.json, its models
    only; if not, its models and the shipped ones. Checksums are checked of shipped models, only
    sizes of fetched ones (``models verify`` checks their checksums). Raises ModelError.
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
    """The size in bytes of a model in ``store``, and the model, with an absolute path. Raises
    ModelError if it is broken."""
    folder = (store.root / name).absolute()
    record = store.record(name)
    if record:
        return record.size, msgspec.structs.replace(record.model, path=str(folder))
    what = recognised(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return size, Model(
        name=name, path=str(folder), licence="see the package", files={}, **what.traits
    )


def _with_starter(found: list[tuple[int, Model]]) -> Catalogue:
    """A catalogue of ``found`` and the shipped models: Whisper before others, large before small,
    shipped models last."""
    found.sort(key=lambda each: (each[1].format != "whisper", -each[0]))
    starter = Catalogue.load(STARTER_MODELS)
    return Catalogue(STARTER_MODELS, [model for _, model in found] + starter.models)
