"""Amounts such as "thousands of people", which have no number, in the words of each language.

A small model that was trained with signs for numbers translates these words badly: "hundreds of"
became dogs. So they get a sign, too, where a noun follows them.
"""

import re
from typing import Final

_AMOUNTS: Final = (
    {
        "en": "hundreds of thousands of", "nl": "honderdduizenden", "de": "Hunderttausende",
        "fr": "des centaines de milliers de",
    },
    {
        "en": "tens of thousands of", "nl": "tienduizenden", "de": "Zehntausende",
        "fr": "des dizaines de milliers de",
    },
    {"en": "hundreds of", "nl": "honderden", "de": "Hunderte", "fr": "des centaines de"},
    {"en": "thousands of", "nl": "duizenden", "de": "Tausende", "fr": "des milliers de"},
    {"en": "millions of", "nl": "miljoenen", "de": "Millionen", "fr": "des millions de"},
    {"en": "billions of", "nl": "miljarden", "de": "Milliarden", "fr": "des milliards de"},
)  # fmt: skip
#: What follows if the amount is one of things. Dutch and German have no "of" that says so.
_NOUN: Final = {
    "en": r" (?!(?:the|these|those|them|us|our|my|his|her|their|your|all|which|whom)\b)[^\W\d_]",
    "nl": r" (?:mensen|jaren|kinderen)\b",
    "de": r" (?:menschen|jahre|jahren|kinder)\b",
    "fr": r" [^\W\d_]",
}
_FRENCH: Final = "centaines|milliers|millions|milliards"


def said(language: str) -> str:
    """A pattern of these amounts before a noun, in a text to translate."""
    return f"{written(language)}(?={_NOUN[language]})"


def written(language: str) -> str:
    """A pattern of these amounts, in a translation."""
    return f"(?i:{'|'.join(amount[language] for amount in _AMOUNTS)})"


def english(words: str, language: str) -> str:
    """The amount that was found, in English."""
    return next(each["en"] for each in _AMOUNTS if each[language].lower() == words.lower())


def in_words(amount: str, language: str) -> str:
    """``amount``, which is in English, in ``language``."""
    return next(each[language] for each in _AMOUNTS if each["en"] == amount)


def joined(text: str, language: str) -> str:
    """A translation with the words that French has otherwise beside these amounts."""
    if language != "fr":
        return text
    text = re.sub(rf"\b({_FRENCH}) de (?=[aeiouâéèêîôœ]|h(?:omm|abi|eur|ect))", r"\1 d'", text)
    return re.sub(rf"\b(de|les|ces) des ({_FRENCH}|dizaines)\b", r"\1 \2", text, flags=re.I)
