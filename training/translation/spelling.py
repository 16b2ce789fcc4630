"""Whole numbers in words, as people say them."""

from functools import cache

from num2words import num2words  # type: ignore[import-untyped, import-not-found]

from training.data import Language


@cache
def spell(number: int, language: Language) -> str:
    """``number`` in words; from 1100 to 2099 as a year."""
    if not 1100 <= number <= 2099:
        return str(num2words(number, lang=language))
    year = str(num2words(number, lang=language, to="year"))
    return year.replace(" ", "") if language == "nl" else year
