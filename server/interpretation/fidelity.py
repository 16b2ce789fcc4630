"""Finds likely mistranslations without a model, by comparing source and translation: their
lengths, numbers, names, and whether they contain a negation."""

import re
from typing import Final

from server.interpretation.numerals import LANGUAGES, SIGN, masked
from server.interpretation.spelled_numbers import in_figures

_DENIED: Final = {
    "en": r"not|cannot|\w+n[’']t|never|nor|no|nobody|none|nothing|nowhere|neither|hardly|"
    r"without|un\w+|im\w+|in\w+able|fail\w*|lack\w*|refus\w*",
    "nl": r"niet\w*|geen|nooit|niemand|nergens|noch|zonder|nauwelijks|on\w+|nee|weiger\w*",
    "de": r"nicht\w*|kein\w*|nie|niemals|niemand\w*|nirgend\w*|weder|ohne|kaum|un\w+|nein",
    "fr": r"ne|n|pas|jamais|rien|aucun\w*|ni|sans|guère|non|personne|in\w+|im\w+|refus\w*",
}
#: Words that are certainly a negation. If one side has one, the other needs a word of ``_DENIED``.
_SURELY_DENIED: Final = {
    "en": r"not|never|nobody|nothing|\w+n[’']t|cannot|without",
    "nl": r"niet|nooit|niemand|niets|geen|zonder",
    "de": r"nicht|niemals|niemand|nichts|keine?[mnrs]?|ohne",
    "fr": r"pas|jamais|rien|sans|aucune?",
}
#: Lengths are compared from this number of words on. In human translations, one in a thousand has a
#: length outside these ratios to its source, in characters.
_LONG: Final = 4
_SHORTEST, _LONGEST = 0.45, 2.2


def doubts(text: str, translation: str, source: str, target: str) -> list[str]:
    """Why ``translation`` may be wrong: which of "length", "numbers", "names" and "denial" do not
    fit. Languages are tags; for languages unknown here, only the length is compared."""
    said, read = (language.partition("-")[0] for language in (source, target))
    known = {said, read} <= LANGUAGES
    if known:  # numbers as digits on both sides, so that lengths are comparable
        text, translation = in_figures(text, said), in_figures(translation, read)
    found = [] if _length_fits(text, translation) else ["length"]
    if not known:
        return found
    if _numbers(text, said) != _numbers(translation, read):
        found.append("numbers")
    if "de" not in (said, read) and _lost_names(text, translation):
        found.append("names")
    one, other = (text, said), (translation, read)
    if _is_lost(_SURELY_DENIED, one, other) or _is_lost(_SURELY_DENIED, other, one):
        found.append("denial")
    return found


def _length_fits(text: str, translation: str) -> bool:
    if len(text.split()) < _LONG:
        return bool(translation.strip()) or not text.strip()
    return _SHORTEST * len(text) <= len(translation) <= _LONGEST * len(text)


def _numbers(text: str, language: str) -> list[tuple[str, ...]]:
    """All numbers in ``text``, sorted; placeholders for numbers count as numbers."""
    found = masked(text, language).numerals.values()
    return sorted([*(each.parts for each in found), *((sign,) for sign in SIGN.findall(text))])


def _lost_names(text: str, translation: str) -> bool:
    """Whether no name is left. A name is a capitalised word within a sentence. One is enough, as
    some names are translated, and only English capitalises days and nationalities."""
    within = re.compile(r"(?<![.?!…:\"“„«] )(?<!^)\b[A-Z][a-zà-ÿ]{2,}")
    names = [name for name in within.findall(text) if name not in _ENGLISH_CAPITALS]
    return len(names) > 1 and not re.search(r"\b[A-Z][a-zà-ÿ]", translation[1:])


def _is_lost(denied: dict[str, str], one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether ``one`` certainly contains a negation and ``other`` contains none."""
    return _has(denied, *one) and not _has(_DENIED, *other)


def _has(words: dict[str, str], text: str, language: str) -> bool:
    return re.search(rf"(?<!\w)(?:{words[language]})(?!\w)", text, re.IGNORECASE) is not None


_ENGLISH_CAPITALS: Final = frozenset(
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April June "
    "July August September October November December English Dutch German French".split()
)
