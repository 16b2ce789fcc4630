"""Which models a server has: those installed, and the starter models."""

from pathlib import Path
from typing import Final

import msgspec

from server.config import STARTER_MODELS
from server.models.catalogue import MANIFEST, Catalogue

#: The setting ``models``: only those that are shipped.
STARTER: Final = "starter"


def fetched_into(state: Path) -> Path:
    """The folder for fetched models in the state folder."""
    return state / "models"


def catalogue_of(models: str, state: Path) -> Catalogue:
    """``models``: the setting. Raises ModelError."""
    starter = Catalogue.load(STARTER_MODELS) if models in ("", STARTER) else None
    if starter is None:
        return Catalogue.load(Path(models))
    folder = fetched_into(state)
    if models == STARTER or not (folder / MANIFEST).exists():
        return starter
    found = Catalogue.load(folder)
    every = [
        msgspec.structs.replace(model, path=str(each.path(model)))
        for each in (found, starter)
        for model in each.models
    ]
    return Catalogue(folder, every)
