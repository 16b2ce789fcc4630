"""The names of the books of the Bible and their abbreviations, from ``bible_books.toml``."""

import functools
import re
import tomllib
from pathlib import Path
from typing import Final

_BOOKS: Final[dict[str, dict[str, str]]] = tomllib.loads(
    Path(__file__).with_suffix(".toml").read_text("utf-8")
)
#: The names that three books share, or more.
_THREE: Final = re.compile("Mose|John|Johannes|Jean|Ma[ck]+ab")
#: The names that several books share, in any of the languages.
_SHARED: Final = (
    "Mose|Samu[eë]l|Kings|Koningen|Könige|Rois|Chron|Kroniek|Corinth|Korint|Thess|Tess|Timot|"
    "Peter$|Petrus|Pierre|John$|Johannes|Jean$|Ma[ck]+ab"
)


@functools.cache
def names(language: str) -> str:
    """A pattern of all names in ``language``."""
    return "|".join(_BOOKS[language])


@functools.cache
def shared_names(language: str) -> str:
    """A pattern of the names that have a number, as in "1 Kings"."""
    found = (name for name in names(language).split("|") if re.match(_SHARED, name))
    return "|".join(found)


def exists(number: int, name: str) -> bool:
    """Whether there is such a book: "2 Kings", but not "3 Kings", who came from the East."""
    return number < (6 if name == "Mose" else 4 if _THREE.match(name) else 3)


def written_out(text: str, language: str) -> str:
    """``text`` with names in place of abbreviations. An abbreviation has a number after it: a
    chapter with a verse, or any if a full stop marks the abbreviation, or if it is "Ps"."""
    pattern, meant = _abbreviations(language)
    return pattern.sub(lambda match: meant[match["short"]], text)


@functools.cache
def _abbreviations(language: str) -> tuple[re.Pattern[str], dict[str, str]]:
    meant = {
        short: spelled.partition("|")[0]
        for spelled, shorts in _BOOKS[language].items()
        for short in shorts.split("|")
        if short
    }
    shorts = "|".join(meant)
    number = r"(?:\.(?= ?\d)|(?= \d{1,3} ?[:.,] ?\d)|(?<=Ps)(?= \d))"
    return re.compile(rf"(?<![^\W\d])(?P<short>{shorts}){number}"), meant
