"""Finds a number at the end of a text that may be incomplete: "twenty" before "five thousand"."""

import functools
import re
from typing import Final

from server.interpretation.large_numbers import scales
from server.interpretation.numerals import LANGUAGES
from server.interpretation.spelled_numbers import in_figures

#: ``in_figures`` does not convert these when they stand alone, as some of them are articles, too.
_SMALL: Final = {
    "en": {"one", "two", "three", "a"},
    "nl": {"een", "één", "twee", "drie"},
    "de": {"ein", "eins", "eine", "zwei", "drei"},
    "fr": {"un", "une", "deux", "trois"},
}
#: Words that may stand within a number.
_JOINING: Final = {
    "en": {"and", "point", "half", "oh"},
    "nl": {"en", "komma", "half", "anderhalf"},
    "de": {"und", "komma", "halb", "halbe", "anderthalb", "eineinhalb", "zweieinhalb"},
    "fr": {"et", "virgule", "demi"},
}


def may_go_on(text: str, language: str) -> bool:
    """Whether ``text`` ends with a number that may not be complete."""
    return bool(text) and without_open_number(text, language) != text


def without_open_number(text: str, language: str) -> str:
    """``text`` without a number at its end that may not be complete."""
    language = language.partition("-")[0]
    words = text.split()
    if language not in LANGUAGES:
        return text
    kept = len(words)
    while kept and _is_part(words[kept - 1], language):
        kept -= 1
    return text if kept == len(words) else " ".join(words[:kept])


@functools.lru_cache(4096)
def _is_part(word: str, language: str) -> bool:
    if not word[-1].isalnum():
        return False  # punctuation ends a number
    lower = word.lower()
    if lower in _SMALL[language] or lower in _JOINING[language]:
        return True
    if re.fullmatch(scales(language), lower):
        return True
    return in_figures(lower, language)[0].isdigit()
