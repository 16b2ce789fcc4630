"""Which models a folder holds, and which languages they make possible. Loads no model."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from server.interpretation.engines import ModelError

#: Where no model translates a pair directly, two do by way of this language.
PIVOT = "en"
MANIFEST = "manifest.json"
#: Percent of a voice's words: of one that is misheard more often listeners are told to read along.
UNCLEAR = 40.0

Kind = Literal["recognizer", "translation", "voice"]
#: Which library loads it, and how its folder is laid out; "": the usual one of its kind (Vosk;
#: OPUS-MT's for CTranslate2; Piper).
Format = Literal["", "vosk", "whisper", "opus-mt", "argos", "piper"]
Pair = tuple[str, str]


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the manifest.

    ``languages``: what a recogniser hears or a voice speaks; ``pairs``: (source, target) of a
    translation model, which is told the target by a first token ``>>nl<<`` if ``target_tags``,
    was trained on text with capitals and punctuation if ``wants_case``, and learnt signs for
    numbers (``interpretation.numerals``) if ``number_signs``. ``read_back_wrong``: percent of a
    voice's words that a listener who does not know it hears wrong (``tools.evaluate voices``);
    None where nobody measured it. ``path``: its folder, absolute or relative to the catalogue's;
    ``files``: SHA-256 by path within it.
    """

    name: str
    kind: Kind
    path: str
    licence: str
    files: Annotated[dict[str, str], msgspec.Meta(min_length=1)]
    languages: list[str] = []
    pairs: list[Pair] = []
    target_tags: bool = False
    wants_case: bool = False
    number_signs: bool = False
    read_back_wrong: float | None = None
    format: Format = ""


class _Manifest(msgspec.Struct, frozen=True):
    models: list[Model]


class Catalogue:
    """The models of ``folder``, and of others where their paths are absolute. Where two do the
    same, the first is taken."""

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
            manifest = msgspec.json.decode(path.read_bytes(), type=_Manifest)
        except OSError as error:
            raise ModelError(
                f"no models in {folder}: {path} cannot be read ({error.strerror}); "
                "name a folder that has a manifest.json, or leave the setting out to use "
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
        """Languages that can be spoken: recognised, and interpreted into at least one other."""
        return [language for language in self.recognizers if self.targets(language)]

    @property
    def told_apart(self) -> list[str]:
        """Languages of ``sources`` of which it is told which one is spoken: two at least, or none.
        A Whisper model of several languages tells, where it hears one of them."""
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
        """Languages that can be heard, from whatever source."""
        sources = self.sources
        return [
            target
            for target in self.voices
            if any(target in self.targets(source) for source in sources)
        ]

    def route(self, source: str, target: str) -> list[Pair]:
        """The pairs to translate by, one after the other; empty where there is no way."""
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
            raise ModelError(f"model {model.name!r} names {path}, which lies outside {folder}")
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
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
