"""Finds numbers in a sentence, and writes them in another language.

A small model copies digits badly: 10,000 becomes 1,000. So before translation each number is
replaced by a placeholder, called a sign here, such as ``<n1>``; after it, the number is put back in
the format of the target language. There are signs for cardinal numbers (n), ordinals (o), times of
day (t), and chapter and verse of a book (v).
"""

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from babel.numbers import format_decimal

from server.interpretation import bible_books, vague_amounts
from server.interpretation.spoken_verses import MARK

Kind = Literal["n", "o", "t", "v"]

LANGUAGES: Final = frozenset(("en", "nl", "de", "fr"))
#: How many signs there are of each kind. Further numbers of a sentence stay as they are.
MOST: Final[dict[Kind, int]] = {"n": 6, "o": 3, "t": 3, "v": 3}
SIGNS: Final = tuple(f"<{kind}{at}>" for kind, most in MOST.items() for at in range(1, most + 1))
#: A number of more digits is copied without formatting: nobody says it, and Babel refuses it.
MOST_FIGURES: Final = 20
SIGN: Final = re.compile("|".join(map(re.escape, SIGNS)))
_GROUP: Final = {"en": ",", "nl": r"\.", "de": r"\.", "fr": "[ \u00a0\u202f]"}
_POINT: Final = {"en": r"\.", "nl": ",", "de": ",", "fr": ","}
_HOUR: Final = {"en": "(?!)", "nl": "uur|u", "de": "Uhr", "fr": "heures?|h"}
_ORDINAL: Final = {
    "en": r"(\d{1,4})(?:st|nd|rd|th)\b",
    "nl": r"(\d{1,4})(?:e|ste|de)\b",
    # "3. Mai" is a cardinal, as in other languages.
    "de": r"(\d{1,3})\.(?= [^\W\d_])(?! (?:Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez))",
    "fr": r"(\d{1,4})(?:ère|er|re|ème|e|nde|nd)\b",
}
#: After one of these, a comma separates chapter and verse; otherwise it is a decimal comma.
_GERMAN_BOOK: Final = re.compile(rf"\b(?:{bible_books.names('de')}) $", re.IGNORECASE)
#: Matches nothing.
_NONE: Final = "(?!)"
_EDGE: Final = r"(?<![\w.,:/-])"
_END: Final = r"(?![\w/]|[.,:-]\d)"


@dataclass(frozen=True)
class Numeral:
    """A number found in a text. ``parts``: by ``kind`` the number with a decimal point, hour and
    minute, or chapter and verses. ``literal``: copied unchanged, such as a telephone number.
    ``vague``: no number, but "thousands of"."""

    kind: Kind
    parts: tuple[str, ...]
    literal: bool = False
    vague: bool = False

    def written(self, language: str) -> str:
        """The number in the format of ``language``."""
        if self.literal:
            return self.parts[0]
        if self.vague:
            return vague_amounts.in_words(self.parts[0], language)
        return _WRITERS[self.kind](self.parts, language)


@dataclass(frozen=True)
class Masked:
    """A text with signs in place of numbers, and the number of each sign."""

    text: str
    numerals: dict[str, Numeral]

    def unmasked(self, translation: str, language: str) -> str:
        """``translation`` with each sign replaced by its number, in the format of ``language``."""

        def written(match: re.Match[str]) -> str:
            numeral = self.numerals.get(match[0])
            if numeral is None:
                return ""
            made = numeral.written(language)
            return made[0].upper() + made[1:] if match.start() == 0 else made

        made = SIGN.sub(written, translation)
        vague = any(numeral.vague for numeral in self.numerals.values())
        return vague_amounts.joined(made, language) if vague else made


def masked(text: str, language: str, vague: bool = False) -> Masked:
    """Replace the numbers of ``text`` by signs, numbered in order for each kind. ``vague``: also
    amounts such as "thousands of"."""
    count = dict.fromkeys(MOST, 0)

    def next_of_its_kind(numeral: Numeral) -> str | None:
        count[numeral.kind] += 1
        fits = count[numeral.kind] <= MOST[numeral.kind]
        return f"<{numeral.kind}{count[numeral.kind]}>" if fits else None

    return _masked(
        text, language, next_of_its_kind, vague_amounts.said(language) if vague else _NONE
    )


def masked_alike(text: str, language: str, numerals: Mapping[str, Numeral]) -> Masked:
    """Replace each number of ``text`` that is in ``numerals`` by its sign, each sign once. Other
    numbers stay."""
    left = dict(numerals)

    def the_same(numeral: Numeral) -> str | None:
        written = numeral.written(language)
        sign = next((sign for sign in left if left[sign].written(language) == written), None)
        if sign is not None:
            del left[sign]
        return sign

    return _masked(text, language, the_same, vague_amounts.written(language))


def _masked(
    text: str, language: str, sign_of: Callable[[Numeral], str | None], vague: str
) -> Masked:
    numerals: dict[str, Numeral] = {}
    made, end = [], 0
    for start, stop, numeral in _found(text, language, vague):
        if (sign := sign_of(numeral)) is not None:
            numerals[sign] = numeral
            made += [text[end:start], sign]
            end = stop
    return Masked("".join([*made, text[end:]]).replace(MARK, ":"), numerals)


def _found(text: str, language: str, vague: str) -> Iterator[tuple[int, int, Numeral]]:
    """Each number with its start and end index, in order."""
    at = 0
    pattern = _pattern(language, vague)
    while match := pattern.search(text, at):
        at = match.end()
        if (numeral := _numeral(match, text, language)) is not None:
            yield match.start(), match.end(), numeral


@functools.cache
def _pattern(language: str, vague: str) -> re.Pattern[str]:
    group, point = _GROUP[language], _POINT[language]
    after = r"[ \u00a0]?h[ \u00a0]?(?P<after>[0-5]\d)"
    clock = rf"(?P<hour>[01]?\d|2[0-4])(?:[.:](?P<minute>[0-5]\d)|{after})"
    parts = (
        rf"(?P<vague>{vague})\b",
        rf"(?P<phone>(?:\+\d\d|0\d)\d{{0,3}}(?:[- ]?\d{{2,8}}){{1,5}}){_END}",
        rf"(?P<chapter>\d{{1,3}})(?P<mark>[:{MARK}])(?P<first>\d{{1,3}})(?:[-–](?P<last>\d{{1,3}}))?{_END}",
        rf"{clock}(?= (?:{_HOUR[language]})\b|{_END})",
        rf"(?P<ordinal>{_ORDINAL[language]})",
        rf"(?P<whole>\d{{1,3}}(?:{group}\d{{3}})+|\d+)(?:{point}(?P<rest>\d{{1,6}}))?{_END}",
    )
    return re.compile(_EDGE + "(?:" + "|".join(parts) + ")")


def _numeral(match: re.Match[str], text: str, language: str) -> Numeral | None:
    found = match.groupdict()
    if found["vague"]:
        amount = vague_amounts.english(found["vague"], language)
        return Numeral("n", (amount,), vague=True)
    if found["phone"]:
        return Numeral("n", (found["phone"],), literal=True)
    if found["chapter"]:
        minute, last = found["first"], found["last"]
        clock = last is None and len(minute) == 2 and int(minute) < 60
        clock = clock and int(found["chapter"]) < 25 and found["mark"] != MARK
        if clock and not _names_a_book(text[: match.start()]):
            return Numeral("t", (found["chapter"], minute))
        return Numeral("v", (found["chapter"], minute, *([last] if last else [])))
    if found["hour"]:
        minute = found["minute"] or found["after"]
        timed = found["after"] or re.match(rf" (?:{_HOUR[language]})\b", text[match.end() :])
        if timed:
            return Numeral("t", (found["hour"], minute))
        if _GROUP[language] == r"\.":
            # Two digits after a full stop are no thousands: a time, a verse, a version, an amount.
            return Numeral("n", (match[0],), literal=True)
        return _cardinal(match[0], language)
    if found["ordinal"]:
        return Numeral("o", (re.sub(r"\D", "", found["ordinal"]),))
    if language == "de" and found["rest"] and _GERMAN_BOOK.search(text[: match.start()]):
        return Numeral("v", (found["whole"], found["rest"]))
    return _cardinal(match[0], language)


def _cardinal(figures: str, language: str) -> Numeral | None:
    """The cardinal in ``figures``. None for 0 and 1: words after them may have another form."""
    plain = re.sub(_GROUP[language], "", figures).replace(",", ".")
    if len(plain) > MOST_FIGURES or (len(plain) > 1 and plain[0] == "0" and plain[1] != "."):
        return Numeral("n", (figures,), literal=True)
    try:
        return None if Decimal(plain) in (0, 1) else Numeral("n", (plain,))
    except ArithmeticError:
        return None


def _names_a_book(before: str) -> bool:
    """Whether the word before a number is the name of a book, so that the number is a verse and not
    a time. A name is a capitalised word. The first word of a sentence is always capitalised: it
    counts only if it is also the first of the text and has more than three letters."""
    name = re.search(r"([A-ZÄÖÜÉÈ]\w+) $", before)
    if name is None:
        return False
    start = before[: name.start()].rstrip()
    if re.fullmatch(r"(?:\d\.)?", start):
        return len(name[1]) > 3
    return not start.endswith((".", "!", "?"))


def _write_number(parts: tuple[str, ...], language: str) -> str:
    plain = parts[0]
    whole, _, rest = plain.partition(".")
    if len(whole) <= 4 and not rest:
        return whole
    pattern = "#,##0" + ("." + "0" * len(rest) if rest else "")
    return format_decimal(Decimal(plain), pattern, locale=language)


def _write_ordinal(parts: tuple[str, ...], language: str) -> str:
    number = int(parts[0])
    if language == "en":
        teen = 10 < number % 100 < 14
        return f"{number}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
    if language == "fr":
        return "1er" if number == 1 else f"{number}e"
    return f"{number}." if language == "de" else f"{number}e"


def _write_time(parts: tuple[str, ...], language: str) -> str:
    # With spaces that do not separate words: see draft.
    return f"{parts[0]}\u00a0h\u00a0{parts[1]}" if language == "fr" else ":".join(parts)


def _write_verse(parts: tuple[str, ...], language: str) -> str:
    sign = "," if language == "de" else ":"
    return f"{parts[0]}{sign}{'-'.join(parts[1:])}"


_WRITERS: Final[dict[Kind, Callable[[tuple[str, ...], str], str]]] = {
    "n": _write_number,
    "o": _write_ordinal,
    "t": _write_time,
    "v": _write_verse,
}
