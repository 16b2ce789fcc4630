"""The models of a folder, and the languages that they make possible. Loads no model."""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from server.decoding import understood
from server.interpretation.engines import ModelError
from server.models.disk import digest

#: If no model translates a pair directly, two models translate through this language.
PIVOT = "en"
MANIFEST = "manifest.json"
#: If more than this percentage of a voice's words is misheard, listeners are told to read along.
UNCLEAR = 40.0

Kind = Literal["recognizer", "translation", "voice"]
#: The layout of a model's folder, which decides the library that loads it. "": the usual format of
#: its kind (Vosk; OPUS-MT for CTranslate2; Piper).
Format = Literal["", "vosk", "whisper", "opus-mt", "argos", "piper"]
Pair = tuple[str, str]


class Traits(msgspec.Struct, frozen=True):
    """What a model is. ``languages``: that a recogniser understands or a voice speaks. ``pairs``:
    (source, target) of a translation model. ``wants_case``: trained on text with capitals and
    punctuation."""

    kind: Kind
    format: Format = ""
    languages: list[str] = []
    pairs: list[Pair] = []
    wants_case: bool = False

    @property
    def traits(self) -> dict[str, Any]:
        """These fields, to make another struct that has them."""
        return {name: getattr(self, name) for name in Traits.__struct_fields__}


class Model(Traits, frozen=True, kw_only=True):
    """One model, an entry of the manifest.

    ``path``: its folder, absolute or relative to the catalogue's. ``files``: the SHA-256 of each
    file, by path within the folder.
    Of translation models: ``target_tags``: the target is given by a first token ``>>nl<<``.
    ``number_signs``: trained with placeholders for numbers (``interpretation.numerals``).
    ``reranks``: chooses among several translations by translating them back, at about twice the
    time.
    ``read_back_wrong``: the percentage of a voice's words that an independent recogniser gets wrong
    (``tools.evaluate voices``); None if not measured.
    """

    name: str
    path: str
    licence: str
    files: Annotated[dict[str, str], msgspec.Meta(min_length=1)]
    target_tags: bool = False
    number_signs: bool = False
    reranks: bool = False
    read_back_wrong: float | None = None


class _Manifest(msgspec.Struct, frozen=True):
    models: list[Model]


class Catalogue:
    """A list of models, and what they can do. ``folder``: the base of relative model paths. Of two
    models for the same language or pair, the first is used."""

    def __init__(self, folder: Path, models: list[Model]) -> None:
        self.folder = folder
        self.models = models
        self.recognizers = self._by_language("recognizer")
        self.voices = self._by_language("voice")
        self.translations: dict[Pair, Model] = {}
        for model in models:
            for pair in model.pairs:
                self.translations.setdefault(pair, model)

    @classmethod
    def load(cls, folder: Path) -> "Catalogue":
        """Read ``folder``/manifest.json and verify the checksum of every file it names.

        Raises ModelError, which names the folder, the file and the remedy.
        """
        path = folder / MANIFEST
        try:
            manifest = understood(msgspec.json.Decoder(_Manifest), path.read_bytes())
        except OSError as error:
            raise ModelError(
                f"no models in {folder}: {path} cannot be read ({error.strerror}); "
                "give a folder that has a manifest.json, or leave the setting out to use "
                "the models that come with the server"
            ) from error
        except msgspec.DecodeError as error:
            raise ModelError(
                f"{path} is not a manifest of models: {error}; install the models again"
            ) from error
        for model in manifest.models:
            _verify(folder, model)
        return cls(folder, manifest.models)

    def path(self, model: Model) -> Path:
        """The folder of ``model``."""
        return self.folder / model.path

    @property
    def sources(self) -> list[str]:
        """Languages that a speaker may use: recognised, and interpreted into at least one other."""
        return [language for language in self.recognizers if self.targets(language)]

    @property
    def told_apart(self) -> list[str]:
        """Languages of ``sources`` among which the spoken one can be detected: at least two, or
        none. A Whisper model of several languages, in use for one of them, can detect them."""
        able = (each for each in self.recognizers.values() if each.format == "whisper")
        known = {
            language for each in able if len(each.languages) > 1 for language in each.languages
        }
        found = [source for source in self.sources if source in known]
        return found if len(found) > 1 else []

    @property
    def unclear(self) -> list[str]:
        """Languages whose voice is hard to understand."""
        return [
            language
            for language, voice in self.voices.items()
            if voice.read_back_wrong is not None and voice.read_back_wrong > UNCLEAR
        ]

    def targets(self, source: str) -> list[str]:
        """Languages that ``source`` can be interpreted into: translated and spoken."""
        return [target for target in self.voices if target != source and self.route(source, target)]

    @property
    def all_targets(self) -> list[str]:
        """Languages that at least one source can be interpreted into."""
        sources = self.sources
        return [
            target
            for target in self.voices
            if any(target in self.targets(source) for source in sources)
        ]

    def route(self, source: str, target: str) -> list[Pair]:
        """The pairs to translate in turn, from ``source`` to ``target``; empty if impossible."""
        for route in ([(source, target)], [(source, PIVOT), (PIVOT, target)]):
            if all(pair in self.translations for pair in route):
                return route
        return []

    def _by_language(self, kind: Kind) -> dict[str, Model]:
        found: dict[str, Model] = {}
        for model in self.models:
            if model.kind == kind:
                for language in model.languages:
                    found.setdefault(language, model)
        return found


def _verify(folder: Path, model: Model) -> None:
    """Check that the model has languages or pairs, and the checksums of its files. Raises
    ModelError."""
    root = folder / model.path
    of = "pairs" if model.kind == "translation" else "languages"
    if not getattr(model, of):
        raise ModelError(
            f"{folder / MANIFEST}: model {model.name!r} is a {model.kind} without {of}; "
            "correct the manifest or install the model again"
        )
    for name, expected in model.files.items():
        path = root / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ModelError(f"model {model.name!r} has the file {path}, which is outside {folder}")
        try:
            found = digest(path)
        except OSError as error:
            raise ModelError(
                f"model {model.name!r} in {root} lacks {name} ({error.strerror}); "
                "install the model again"
            ) from error
        if found != expected:
            raise ModelError(
                f"model {model.name!r} in {root}: {name} is truncated or was changed (its "
                f"SHA-256 is {found[:12]}…, not {expected[:12]}…); install the model again"
            )
