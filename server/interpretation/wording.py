"""Replaces an expression in a sentence, and adapts the article before it."""

import re
from collections.abc import Iterable
from typing import Final

_VOWEL: Final = re.compile(r"[aeiouyàâäéèêëîïôöûüœæh]", re.IGNORECASE)
#: English words that take "an", with the exceptions of pronunciation ("hour", but "university").
_AFTER_AN: Final = re.compile(r"(?!uni|us[aeu]|eu|one)[aeiou]|hour|heir|honest|honou?r", re.I)
#: The form of French words before a vowel.
_ELIDED: Final = {
    "le ": "l'",
    "la ": "l'",
    "de ": "d'",
    "du ": "de l'",
    "au ": "à l'",
    "ce ": "cet ",
}
#: Their form before a consonant, by gender.
_WHOLE: Final = {
    "m": {"de l'": "du ", "à l'": "au ", "l'": "le ", "d'": "de ", "cet ": "ce "},
    "f": {"de l'": "de la ", "à l'": "à la ", "l'": "la ", "d'": "de ", "cet ": "cette "},
}


def swapped(
    text: str, old: Iterable[str], new: str, language: str, gender: str = ""
) -> tuple[str, int]:
    """Replace each expression of ``old`` in ``text`` by ``new``, and adapt the articles. Returns
    the text and the number of replacements. ``gender``: of ``new``. A capital at the beginning of
    a sentence is kept."""
    olds = sorted(old, key=len, reverse=True)
    before = {"en": r"(\ban? )?", "fr": r"(\b(?:de l'|à l'|l'|d'|cet |le |la |de |du |au |ce ))?"}
    pattern = rf"{before.get(language, '()')}(?<!\w)({'|'.join(map(re.escape, olds))})(?!\w)"
    lower = all(each[:1].islower() for each in olds)

    def swap(match: re.Match[str]) -> str:
        article, word = match[1] or "", match[2]
        capital = lower and word[:1].isupper() and not article
        fitting = _fitting(article, new, language, gender)
        return fitting + (new[:1].upper() + new[1:] if capital else new)

    return re.subn(pattern, swap, text, flags=re.IGNORECASE)


def _fitting(article: str, word: str, language: str, gender: str) -> str:
    """The form of ``article`` before ``word``."""
    lower = article.lower()
    if language == "en" and article:
        lower = "an " if _AFTER_AN.match(word) else "a "
    elif language == "fr" and _VOWEL.match(word):
        lower = _ELIDED.get(lower, lower)
    elif language == "fr":
        lower = _WHOLE["f" if gender == "f" else "m"].get(lower, lower)
    return lower.capitalize() if article[:1].isupper() else lower
