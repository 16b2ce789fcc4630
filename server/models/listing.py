"""Lists the installed and the available models, for people and for programs."""

from collections.abc import Iterator
from typing import Any, Final

from server.models import choice
from server.models.available import Available, available
from server.models.catalogue import Catalogue, Model
from server.models.telling import megabytes

#: More languages than this are shown as a number.
NAMED: Final = 6


def as_data(catalogue: Catalogue) -> dict[str, Any]:
    """The list, for JSON."""
    there = {model.name for model in catalogue.models}
    return {
        "installed": [
            {**_described(model), "bytes": _size(catalogue, model)} for model in catalogue.models
        ],
        "available": [
            {**_described(model), "bytes": model.size, "installed": model.name in there}
            for model in available()
        ],
        "hears": {language: model.name for language, model in catalogue.recognizers.items()},
        "interprets": {source: catalogue.targets(source) for source in catalogue.sources},
    }


def uses(catalogue: Catalogue) -> dict[str, Any]:
    """What each model is used for, and which could be fetched, for JSON. Reads no disk."""
    there = {model.name for model in catalogue.models}
    return {
        "hears": {language: model.name for language, model in catalogue.recognizers.items()},
        "speaks": {language: model.name for language, model in catalogue.voices.items()},
        "translates": {
            source: {
                target: " → ".join(catalogue.translations[pair].name for pair in route)
                for target in catalogue.voices
                if target != source and (route := catalogue.route(source, target))
            }
            for source in catalogue.recognizers
        },
        "available": [
            {**_described(model), "bytes": model.size}
            for model in available()
            if model.name not in there
        ],
    }


def _described(model: Model | Available) -> dict[str, object]:
    return {
        "name": model.name,
        "kind": model.kind,
        "format": model.format,
        "licence": model.licence,
        "languages": model.languages,
        "pairs": model.pairs,
    }


def as_text(catalogue: Catalogue) -> str:
    """The list, as text."""
    return "\n".join(_lines(catalogue))


def _lines(catalogue: Catalogue) -> Iterator[str]:
    yield "Installed models; of those for the same purpose, the first is used:"
    for model in catalogue.models:
        yield _line(model, _size(catalogue, model))
    there = {model.name for model in catalogue.models}
    yield "Available models; get one with `models pull NAME`, or `models pull nl en` for languages:"
    for each in available():
        if each.name not in there:
            yield _line(each, each.size)
    for source in catalogue.sources:
        targets = ", ".join(catalogue.targets(source))
        ear = catalogue.recognizers[source].name
        yield f"{source} is interpreted into {targets}; {ear} recognises it"
    yield from unclear_voices(catalogue)


def unclear_voices(catalogue: Catalogue) -> Iterator[str]:
    """A line for each language with a voice that is hard to understand; names a better voice."""
    for language in catalogue.unclear:
        voice = catalogue.voices[language]
        better = choice.voice_for(language)
        advice = f"; `models pull {better.name}` fetches a better one" if better else ""
        yield (
            f"{language} is hard to understand: listeners mishear {voice.read_back_wrong:.0f} % of "
            f"the words that {voice.name} says{advice}"
        )


def _line(model: Model | Available, size: int) -> str:
    what = [f"{source}-{target}" for source, target in model.pairs] or model.languages
    told = ", ".join(what) if len(what) <= NAMED else f"{len(what)} languages"
    heard = getattr(model, "read_back_wrong", None)
    clear = "" if heard is None else f"{heard:.0f} % of words misheard; "
    return (
        f"  {model.name:28} {model.kind:11} {megabytes(size):>8}  {told:14} {clear}{model.licence}"
    )


def _size(catalogue: Catalogue, model: Model) -> int:
    folder = catalogue.path(model)
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
