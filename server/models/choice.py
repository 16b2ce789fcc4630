"""Chooses the models to pull, given their names or languages."""

import difflib
from collections.abc import Sequence
from itertools import permutations

from server.models.available import Available, available
from server.models.catalogue import PIVOT, Catalogue
from server.models.disk import FetchError

#: One thing that is needed: the models that provide it, the best first. One of them is enough.
Need = Sequence[Available]


def named(name: str) -> Available:
    """The model of this name. Raises FetchError, which suggests similar names."""
    models = {model.name: model for model in available()}
    if name not in models:
        near = difflib.get_close_matches(name, models, 3, 0.4)
        hint = f"did you mean {', '.join(near)}? " if near else ""
        raise FetchError(
            f"there is no model {name!r}; {hint}`models list` shows all. A language has two or "
            "three letters, such as nl; a file must exist"
        )
    return models[name]


def is_language(word: str) -> bool:
    """Whether any model recognises or speaks the language ``word``."""
    return any(word in model.languages for model in available())


def needs(languages: Sequence[str], carried: Sequence[str], there: Catalogue) -> list[Need]:
    """The models needed to interpret between ``languages``: recognisers, translations, voices.

    ``carried``: recognisers that this machine is fast enough for, the best first. If none of them
    has all of ``languages``, each language needs its own recogniser. ``there``: the installed
    models, which are left out. Raises FetchError if there is no model for a language or pair.
    """
    found: list[Need] = []
    if all(each in there.recognizers for each in languages):
        pass  # a new recogniser could be worse than the one that was chosen
    elif hear_all := [
        model for model in map(named, carried) if set(languages) <= set(model.languages)
    ]:
        found.append(hear_all)
    else:
        found += [_of("recognizer", language) for language in languages]
    for pair in permutations(languages, 2):
        if direct := _translating(*pair):
            found.append(direct)
        else:
            found += [
                _needed(_translating(*half), f"translates {half[0]} to {half[1]}")
                for half in ((pair[0], PIVOT), (PIVOT, pair[1]))
                if half[0] != half[1]
            ]
    found += [_of("voice", language) for language in languages]
    fetched = {model.name for model in there.models}
    kept: list[Need] = []
    for need in found:
        if need not in kept and not fetched & {model.name for model in need}:
            kept.append(need)
    return kept


def voice_for(language: str) -> Available | None:
    """The voice to fetch for ``language``; None if there is none."""
    try:
        return _of("voice", language)[0]
    except FetchError:
        return None


def _of(kind: str, language: str) -> Need:
    doing = [
        model
        for model in available()
        if model.kind == kind and language in model.languages and not model.optional
    ]
    verb = "recognises" if kind == "recognizer" else "speaks"
    return _needed(sorted(doing, key=lambda model: model.multilingual), f"{verb} {language}")


def _translating(source: str, target: str) -> Need:
    return [model for model in available() if (source, target) in model.pairs]


def _needed(need: Need, what: str) -> Need:
    if not need:
        raise FetchError(
            f"no available model {what}; pull one by its file or address (docs/operations.md)"
        )
    return need
