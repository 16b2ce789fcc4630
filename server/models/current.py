"""Which models are in use. They may change while the server runs: whoever asks, asks again."""

import hashlib
from pathlib import Path

import msgspec

from server.models.catalogue import Catalogue, Model

_decoder = msgspec.json.Decoder(list[Model])


class Current:
    """``catalogue``: what the interpreter has, as it said last. Replaced in one place only:
    ``server.moving``."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue


def version(catalogue: Catalogue) -> str:
    """Twelve characters: others where a model or its place differs."""
    return hashlib.sha256(encoded(catalogue)).hexdigest()[:12]


def encoded(catalogue: Catalogue) -> bytes:
    """For another process: JSON."""
    return msgspec.json.encode(
        [
            msgspec.structs.replace(model, path=str(catalogue.path(model).absolute()))
            for model in catalogue.models
        ]
    )


def decoded(data: bytes) -> Catalogue:
    """What ``encoded`` made; the models' files are not looked at. Raises msgspec.DecodeError."""
    return Catalogue(Path("/"), _decoder.decode(data))
