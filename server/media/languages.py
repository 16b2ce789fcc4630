"""The languages of tracks: containers have codes of three letters (ISO 639-2)."""

from functools import cache

from babel.core import get_global


@cache
def three_letters(language: str) -> str:
    """The terminological code, such as "deu", for "de", "de-AT" or "ger"; ``language`` itself if
    it is unknown."""
    base = language.partition("-")[0].casefold()
    known = _of_two_letters()
    return known.get(get_global("language_aliases").get(base, base), base)


@cache
def _of_two_letters() -> dict[str, str]:
    """The codes of three letters, by those of two. Of several, the one that begins alike: CLDR
    has "deu" and the library's "ger" for "de"."""
    found: dict[str, str] = {}
    for three, two in sorted(get_global("language_aliases").items()):
        if len(three) == 3 and len(two) == 2 and (two not in found or three.startswith(two)):
            found[two] = three
    return found
