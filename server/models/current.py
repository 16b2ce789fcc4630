"""The models in use. They may change while the server runs, so read them anew at each use."""

import hashlib
from pathlib import Path
from typing import Final

import msgspec

from server.decoding import understood
from server.models.catalogue import Catalogue, Model

#: The key of one checksum for all files of a model, in place of one per file.
ALL: Final = "*"

_decoder = msgspec.json.Decoder(list[Model])


class Current:
    """The models in use. ``catalogue``: those that the interpreter last reported. Only
    ``server.models.moving`` replaces it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue


def version(catalogue: Catalogue) -> str:
    """Twelve characters that change when a model, its folder or its files change."""
    return _digest(encoded(catalogue))


def encoded(catalogue: Catalogue) -> bytes:
    """The catalogue for another process, as JSON: about 250 bytes per model."""
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
    """Decode what ``encoded`` returned, without checking the files. Raises msgspec.DecodeError."""
    return Catalogue(Path("/"), understood(_decoder, data))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]
