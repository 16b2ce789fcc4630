"""Which models are in use. They may change while the server runs: whoever asks, asks again."""

import hashlib
from pathlib import Path
from typing import Final

import msgspec

from server.models.catalogue import Catalogue, Model

#: Stands for all files of a model, where they are not named one by one.
ALL: Final = "*"

_decoder = msgspec.json.Decoder(list[Model])


class Current:
    """``catalogue``: what the interpreter has, as it said last. Replaced in one place only:
    ``server.models.moving``."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue


def version(catalogue: Catalogue) -> str:
    """Twelve characters: others where a model, its place or its files differ."""
    return _digest(encoded(catalogue))


def encoded(catalogue: Catalogue) -> bytes:
    """For another process: JSON, some 250 bytes a model."""
    return msgspec.json.encode(
        [
            msgspec.structs.replace(
                model,
                path=str(catalogue.path(model).absolute()),
                files={ALL: model.files.get(ALL) or _digest(msgspec.json.encode(model.files))},
            )
            for model in catalogue.models
        ]
    )


def decoded(data: bytes) -> Catalogue:
    """What ``encoded`` made; the models' files are not looked at. Raises msgspec.DecodeError."""
    return Catalogue(Path("/"), _decoder.decode(data))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]
