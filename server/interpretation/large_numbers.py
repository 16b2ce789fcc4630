"""Writes amounts such as "two and a half million" as figures.

Only what is said with a number becomes figures: "millions of people" stays as it is.
"""

import functools
import re
from decimal import Decimal
from typing import Final

#: Words that multiply the number before them, and their powers of ten.
_SCALES: Final[dict[str, dict[str, int]]] = {
    "en": {"hundred": 2, "thousand": 3, "millions?": 6, "billions?": 9, "trillions?": 12},
    "nl": {
        "honderd": 2, "duizend": 3, "miljoen(?:en)?": 6, "miljard(?:en)?": 9, "biljoen(?:en)?": 12,
    },
    "de": {
        "hundert": 2, "tausend": 3, "million(?:en)?": 6, "milliarden?": 9, "billion(?:en)?": 12,
    },
    "fr": {"mille": 3, "millions?": 6, "milliards?": 9, "billions?": 12},
}  # fmt: skip
#: Words for 1 to 3, which ``alpha2digit`` may leave, and parts of one.
_AMOUNTS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "(?:an? )?quarter of an?": "0.25", "half an?": "0.5", "an? half": "0.5",
        "a|one": "1", "two": "2", "three": "3",
    },
    "nl": {
        "(?:een )?kwart": "0.25", "driekwart": "0.75",
        "(?:een|1) half|half": "0.5", "anderhalf": "1.5", "tweeën(?:een)?half": "2.5",
        "drieën(?:een)?half": "3.5", "een|één": "1", "twee": "2", "drie": "3",
    },
    "de": {
        "(?:einer? )?halben?": "0.5", "anderthalb|eineinhalb": "1.5", "zweieinhalb": "2.5",
        "dreieinhalb": "3.5", "viereinhalb": "4.5", "fünfeinhalb": "5.5", "sechseinhalb": "6.5",
        "siebeneinhalb": "7.5", "achteinhalb": "8.5", "neuneinhalb": "9.5",
        "eine?[rn]?": "1", "zwei": "2", "drei": "3",
    },
    "fr": {"(?:un )?demi": "0.5", "une?": "1", "deux": "2", "trois": "3"},
}  # fmt: skip
#: What adds a half to the number before it: before "million", and after it.
_HALF_BEFORE: Final = {
    "en": " and a half",
    "nl": " en (?:een|1) half",
    "de": " und eine halbe",
    "fr": "(?!)",
}
_HALF_AFTER: Final = {"en": " and a half", "nl": "(?!)", "de": "(?!)", "fr": " et demie?"}
#: "five or six million" are two amounts.
_OR: Final = {"en": "to|or", "nl": "tot|of|à", "de": "bis|oder", "fr": "à|ou"}
#: French has a word after "million" that it does not have after figures.
_OF: Final = {"en": "(?!)", "nl": "(?!)", "de": "(?!)", "fr": r" (?:de |d['’])(?=\w)"}
_POINT: Final = {"en": ".", "nl": ",", "de": ",", "fr": ","}
_GROUP: Final = {"en": ",", "nl": ".", "de": ".", "fr": " \u00a0\u202f"}
#: From this power of ten on, a scale stands by itself: ``alpha2digit`` multiplies smaller ones.
_ALONE: Final = 6


def scales(language: str, figures: bool = False) -> str:
    """A pattern of the words for a million and more. ``figures``: of those that are said as a word
    only after figures, as in "20 thousand"."""
    return "|".join(
        word for word, power in _SCALES[language].items() if (power < _ALONE) == figures
    )


def multiplied(text: str, language: str) -> str:
    """``text``, in which other numbers are figures, with "2.5 million" as 2500000."""
    if not _scale(language).search(text):
        return text
    # Small scales first, so that "3 billion 500 million" is one number.
    for scale, power in _SCALES[language].items():
        product = functools.partial(_product, unit=Decimal(10) ** power, language=language)
        text = _pattern(language, scale, power).sub(product, text)
    return text


@functools.cache
def _scale(language: str) -> re.Pattern[str]:
    return re.compile("|".join(_SCALES[language]), re.IGNORECASE)


@functools.cache
def _pattern(language: str, scale: str, power: int) -> re.Pattern[str]:
    group, point = _GROUP[language], _POINT[language]
    figures = rf"(?:\d{{1,3}}(?:[{group}]\d{{3}})+|\d+)(?:[{point}]\d+)?"
    amount = rf"{figures}|{'|'.join(_AMOUNTS[language])}"
    return re.compile(
        rf"(?<![\w.,])(?:(?P<other>{amount})(?P<joint> (?:{_OR[language]}) ))?"
        rf"(?P<amount>{amount})(?P<half>{_HALF_BEFORE[language]})?[ -](?:{scale})\b"
        rf"(?:(?P<half_after>{_HALF_AFTER[language]})\b|"
        rf" (?P<rest>\d{{1,{power}}})\b(?![.,:]?\d|%))?"
        rf"(?P<of>{_OF[language]})?",
        re.IGNORECASE,
    )


def _product(match: re.Match[str], unit: Decimal, language: str) -> str:
    amount = _value(match["amount"], language)
    if match["half"] or match["half_after"]:
        amount += Decimal("0.5")
    product = amount * unit + int(match["rest"] or 0)
    made = _written(product, language) + (" " if match["of"] else "")
    if match["other"] is None:
        return made
    other = _value(match["other"], language)
    # A number that is larger is not meant in millions: "from 1990 to 2 million".
    first = _written(other * unit, language) if other < amount else match["other"]
    return first + match["joint"] + made


def _value(amount: str, language: str) -> Decimal:
    for words, value in _AMOUNTS[language].items():
        if re.fullmatch(words, amount, re.IGNORECASE):
            return Decimal(value)
    plain = re.sub(f"[{_GROUP[language]}]", "", amount)
    return Decimal(plain.replace(_POINT[language], "."))


def _written(number: Decimal, language: str) -> str:
    plain = f"{number:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return plain.replace(".", _POINT[language])
