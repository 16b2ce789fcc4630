"""Writes spoken chapters and verses of a book as figures: "3 vers 16" as 3∶16.

The mark between them, ``MARK``, is not the colon of a time of day, so that a verse is known as one
where the name of its book has no capital.
"""

import functools
import re
from typing import Final

#: Between chapter and verse, a ratio sign.
MARK: Final = "∶"

#: Words for 1 to 3, which may be left in a text with figures.
_SMALL: Final = {
    "en": {"one": "1", "two": "2", "three": "3"},
    "nl": {"een": "1", "één": "1", "twee": "2", "drie": "3"},
    "de": {"eins": "1", "zwei": "2", "drei": "3"},
    "fr": {"un": "1", "deux": "2", "trois": "3"},
}
_VERSE: Final = {"en": "verse", "nl": "vers", "de": "vers", "fr": "verset"}
_UNIT: Final = {
    "en": "chapter|verse|psalm",
    "nl": "hoofdstuk|vers|psalm",
    "de": "kapitel|vers|psalm",
    "fr": "chapitre|verset|psaume",
}
#: The word for 1 that is an article, too: "een vers 16", "in dit vers een belofte".
_ARTICLE: Final = {"nl": "een", "fr": "un"}


def _not_after(words: str) -> str:
    return "".join(rf"(?<!\b{word} )" for word in words.split())


#: After these words, "een vers 16" is "a verse".
_A_VERSE: Final = {
    "nl": _not_after("lezen lees zingen in uit met is"),
    "fr": _not_after("lisons chantons dans avec est"),
}
#: After these words, "verse one", "vers een" has no number.
_ITS_OWN: Final = {
    "en": _not_after("this that each every the"),
    "nl": _not_after("dit dat het deze elk"),
    "fr": _not_after("ce chaque"),
}
#: "vers een" has a number after one of these, or before one of those.
_NUMBERED: Final = {
    "nl": r"\b(?:in|uit|van|vanaf|bij|naar|en|is)",
    "fr": r"\b(?:au|du|le|et|dans|de)",
}
_END: Final = {
    "nl": r"(?=\s*$|[.,;:!?]| (?:vers|tot)\b)",
    "fr": r"(?=\s*$|[.,;:!?]| (?:verset|à)\b)",
}

#: English "psalm one nineteen" and "verse one oh five". Psalm 1 has six verses, so that no verse
#: of it is meant.
_HUNDRED: Final = re.compile(
    r"\b(psalm |(?:chapter|verse) (?=\w+ oh ))(?:1|one) "
    r"(?:(1\d|[2-4]\d|50)|oh ([1-9]|one|two|three))\b(?![.,:]\d)",
    re.IGNORECASE,
)


def with_verses(text: str, language: str) -> str:
    """``text``, in which other numbers are figures, with chapters and verses."""

    def figure(word: str) -> str:
        return _SMALL[language].get(word.lower(), word)

    unit, both, alone = _patterns(language)
    if not unit.search(text):
        return text
    if language == "en":
        text = _HUNDRED.sub(lambda match: f"{match[1]}1{match[2] or '0' + figure(match[3])}", text)
    text = both.sub(lambda match: f"{figure(match[1])}{MARK}{figure(match[2])}", text)
    for pattern in alone:
        text = pattern.sub(lambda match: match[1] + figure(match[2]), text)
    return text


@functools.cache
def _patterns(language: str) -> tuple[re.Pattern[str], re.Pattern[str], list[re.Pattern[str]]]:
    """Finds the words for chapter, verse and psalm; chapter and verse with their numbers; and any
    of these words with one of ``_SMALL``."""
    article = _ARTICLE.get(language)
    number = rf"(\d{{1,3}}|{'|'.join(_SMALL[language])})"
    both = rf"{_A_VERSE.get(language, '')}\b{number},? {_VERSE[language]} {number}\b"
    unit, its_own = f"(?:{_UNIT[language]})", _ITS_OWN.get(language, "")
    small = "|".join(word for word in _SMALL[language] if word != article)
    alone = [rf"{its_own}\b({unit} )({small})\b"]
    if article is not None:
        alone.append(rf"({_NUMBERED[language]} {unit} )({article})\b")
        alone.append(rf"{its_own}\b({unit} )({article})\b{_END[language]}")
    patterns = [re.compile(each, re.IGNORECASE) for each in (unit, both, *alone)]
    return patterns[0], patterns[1], patterns[2:]
