"""The languages of tracks: containers have codes of three letters (ISO 639-2)."""

from functools import cache
from typing import Final

from babel.core import get_global

#: Codes that only libraries use: "ger" for "deu" (ISO 639-2/B).
LIBRARIES: Final = frozenset(
    "alb arm baq bur chi cze dut fre geo ger gre ice mac mao may per rum slo tib wel".split()
)


@cache
def three_letters(language: str) -> str:
    """The terminological code, such as "deu", for "de", "de-AT" or "ger"; ``language`` itself if
    it is unknown."""
    base = language.partition("-")[0].casefold()
    known = _of_two_letters()
    return known.get(get_global("language_aliases").get(base, base), base)


@cache
def _of_two_letters() -> dict[str, str]:
    """The codes of three letters, by those of two. Of several, one that begins alike: CLDR has
    "zho" and "cmn" for "zh"."""
    found: dict[str, str] = {}
    for three, two in sorted(get_global("language_aliases").items()):
        fits = len(three) == 3 and len(two) == 2 and three not in LIBRARIES
        if fits and (two not in found or three.startswith(two)):
            found[two] = three
    return found
