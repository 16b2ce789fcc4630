"""Writes spelled-out numbers as figures, in the sentences of a speaker.

``alpha2digit`` converts the words; what it does wrong in speech is kept from it, or mended: large
amounts, years, times of day, chapter and verse.
"""

import re
from collections.abc import Callable
from typing import Final

from text_to_num import alpha2digit  # type: ignore[import-untyped]

from server.interpretation.large_numbers import multiplied, scales

#: Words that ``alpha2digit`` would take for a number that was not said.
_KEPT: Final = {
    "en": r"tens|hundreds|thousands|(?:few|several|many|couple(?: of)?) (?:hundred|thousand)",
    "nl": r"(?:paar|enkele) (?:honderd|duizend)",
    "de": r"(?:paar|einige|mehrere) (?:hundert|tausend)",
    "fr": r"quelques (?:cents?|mille)",
}
_APART: Final = {
    language: re.compile(
        rf"\b({kept}|{scales(language)}|(?<=\d )(?:{scales(language, figures=True)}))\b",
        re.IGNORECASE,
    )
    for language, kept in _KEPT.items()
}


def in_figures(text: str, language: str) -> str:
    """``text`` with spelled-out numbers as digits. A single "one", "two" or "three" stays."""
    pieces = _APART[language].split(text)
    pieces[::2] = [str(alpha2digit(piece, language)) for piece in pieces[::2]]
    return _MENDED[language](multiplied("".join(pieces), language))


def _mended_en(text: str) -> str:
    """Join years said in two parts ("19 84"), and convert "a hundred", verses and times."""
    text = re.sub(r"\b(1[1-9]|20) ([1-9]\d)\b(?! ?(?:%|per|to|and|years|minutes))", r"\1\2", text)
    text = re.sub(r"\b[Aa] (100|1000)\b", r"\1", text)
    text = re.sub(r"\b(\d{1,3}),? verse (\d{1,3})\b", r"\1:\2", text)
    return _clock(text, r"half past (\d+)", r"quarter past (\d+)", r"(?:a )?quarter to (\d+)")


def _mended_nl(text: str) -> str:
    text = re.sub(r"\bhalf (\d+)\b", lambda m: f"{_before(m[1])}:30", text)
    text = _clock(text, "(?!)", r"kwart over (\d+)", r"kwart voor (\d+)")
    return re.sub(r"\b(\d{1,3}) vers (\d{1,3})\b", r"\1:\2", text)


def _mended_de(text: str) -> str:
    text = re.sub(r"\bhalb (\d+)\b", lambda m: f"{_before(m[1])}:30", text)
    text = _clock(text, "(?!)", r"[Vv]iertel nach (\d+)", r"[Vv]iertel vor (\d+)")
    return re.sub(r"\b(\d{1,3}) [Vv]ers (\d{1,3})\b", r"\1:\2", text)


def _mended_fr(text: str) -> str:
    text = re.sub(r"\bpour 100\b", "pour cent", text)
    text = _clock(
        text, r"(\d+) heures? et demie", r"(\d+) heures? et quart", r"(\d+) heures? moins le quart"
    )
    return re.sub(r"\b(\d{1,3}) verset (\d{1,3})\b", r"\1:\2", text)


def _clock(text: str, half: str, after: str, before: str) -> str:
    text = re.sub(rf"\b{half}\b", r"\1:30", text) if "(\\d" in half else text
    text = re.sub(rf"\b{after}\b", r"\1:15", text)
    return re.sub(rf"\b{before}\b", lambda m: f"{_before(m[1])}:45", text)


def _before(hour: str) -> int:
    return (int(hour) - 2) % 12 + 1


_MENDED: Final[dict[str, Callable[[str], str]]] = {
    "en": _mended_en,
    "nl": _mended_nl,
    "de": _mended_de,
    "fr": _mended_fr,
}
