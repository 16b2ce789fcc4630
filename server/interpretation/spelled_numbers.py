"""Writes spelled-out numbers as figures, in the sentences of a speaker.

``alpha2digit`` converts the words. What it would take for a number wrongly is kept from it; large
amounts, years, times of day, chapters and verses are put together after it.
"""

import re
from typing import Final

from text_to_num import alpha2digit  # type: ignore[import-untyped]

from server.interpretation.large_numbers import multiplied, scales
from server.interpretation.spoken_times import with_times
from server.interpretation.spoken_verses import with_verses

_STOP: Final = r"[.,;:!]|\s*$"
#: What ``alpha2digit`` would take for a number, although none was said: amounts without a number,
#: Dutch and German "acht" (heed; Dutch also: deem), and French "neuf" (new).
_KEPT: Final[dict[str, tuple[str, ...]]] = {
    "en": (
        r"tens|hundreds|thousands",
        r"(?:few|several|many|couple(?: of)?) (?:hundred|thousand)",
    ),
    "nl": (
        r"(?:paar|enkele) (?:honderd|duizend)",
        r"geen acht|acht (?:te )?(?:slaan|geslagen|geven|gegeven)",
        rf"(?:geef|geeft|gaf|gaven|sla|slaat|sloeg|sloegen) acht(?= (?:op|erop|daarop)\b|{_STOP})",
        rf"in acht(?= (?:te )?(?:neem|neemt|nemen|nam|namen|genomen)\b|{_STOP})",
        r"(?:ik|hij|zij|gij|u|god|wie) acht"
        r"(?= (?:dat|dit|het|hem|haar|hen|mij|u|ons|deze|die|alles|alle|niets|zich|ook)\b)",
    ),
    "de": (
        r"(?:paar|einige|mehrere) (?:hundert|tausend)",
        r"außer acht|acht (?:zu )?(?:geben|gegeben)",
        rf"(?:gib|gebt|gebe|gab|hab|habt)(?: gut)? acht(?= (?:auf|darauf|dass)\b|{_STOP})",
        r"haben acht(?= auf\b)",
        rf"in acht(?= (?:zu )?(?:nehmen|nehmt|nahm|nahmen|genommen)\b| vor\b|{_STOP})",
    ),
    "fr": (
        r"quelques (?:cents?|mille)",
        r"(?<!\ben )tout neuf|(?:rien|quoi|chose) de neuf|(?:remis|remise|remettre|refait) à neuf",
        r"(?:homme|cœur|coeur|esprit|flambant) neuf",
    ),
}
#: English "a" before these is part of the number: "a hundred and fifty".
_A_NUMBER: Final = re.compile(r"\ba (?=(?:hundred|thousand)\b(?!-))", re.IGNORECASE)
_APART: Final = {
    language: re.compile(
        rf"\b({'|'.join(kept)}|{scales(language)}|(?<=\d )(?:{scales(language, figures=True)}))\b",
        re.IGNORECASE,
    )
    for language, kept in _KEPT.items()
}


def in_figures(text: str, language: str) -> str:
    """``text`` with spelled-out numbers as digits. A single "one", "two" or "three" stays. Between
    chapter and verse is ``spoken_verses.MARK``."""
    if language == "en":
        text = _A_NUMBER.sub("", text)
    pieces = _APART[language].split(text)
    pieces[::2] = [str(alpha2digit(piece, language)) for piece in pieces[::2]]
    figures = multiplied("".join(pieces), language)
    if language == "nl":
        figures = re.sub(r"\ben 1 half", "en een half", figures)
    elif language == "fr":
        figures = re.sub(r"\bpour 100\b", "pour cent", figures)
    return with_verses(with_times(figures, language), language)
