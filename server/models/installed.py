"""Which models a server has: those installed, and the starter models."""

from pathlib import Path

import msgspec

from server.models.catalogue import MANIFEST, Catalogue

STARTER = Path(__file__).parent / "starter"


def catalogue_of(models: str, state: Path) -> Catalogue:
    """``models``: the setting. Raises ModelError."""
    starter = Catalogue.load(STARTER) if models in ("", "starter") else None
    if starter is None:
        return Catalogue.load(Path(models))
    folder = state / "models"
    if models == "starter" or not (folder / MANIFEST).exists():
        return starter
    found = Catalogue.load(folder)
    every = [
        msgspec.structs.replace(model, path=str(each.path(model)))
        for each in (found, starter)
        for model in each.models
    ]
    return Catalogue(folder, every)
