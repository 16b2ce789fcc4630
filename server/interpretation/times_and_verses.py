"""Reads times of day, chapters and verses of the Bible, and scores. They are written alike: "at
10:30" is a time, "John 10:30" a verse, "won 3:1" a score. The word before a number tells which it
is."""

import re
from collections.abc import Callable
from typing import Any, Final

from babel.dates import get_day_names, get_month_names

from server.interpretation import bible_books

_FULL_HOUR: Final = {"en": "{} o'clock", "nl": "{} {}", "de": "{} {}", "fr": "{} {}"}
_BOOK_ORDINALS: Final = {
    "en": ("First ", "Second ", "Third ", "Fourth ", "Fifth "),
    "nl": ("Eerste ", "Tweede ", "Derde ", "Vierde ", "Vijfde "),
    "de": ("1. ", "2. ", "3. ", "4. ", "5. "),
    "fr": ("Premier ", "Deuxième ", "Troisième ", "Quatrième ", "Cinquième "),
}
_EDGE: Final = r"(?<![\w.,:/–-])"
_END: Final = r"(?![\d:]|[.,–-]\d)"
_HOUR: Final = r"(?:2[0-4]|[01]?\d)(?!\d)"
_MINUTE: Final = r"[0-5]\d(?!\d)"
#: One verse, or a part of it: 16 or 16b.
_VERSE: Final = r"\d{1,3}(?!\d)(?:[a-d](?![^\W_]))?"
_VERSES: Final = rf"{_VERSE}(?:[-–]{_VERSE})?"
#: What follows a chapter and its sign: verses, perhaps up to a verse of another chapter.
_REST: Final = rf"(?P<first>{_VERSE})(?:[-–](?P<last>{_VERSE})(?:(?P=sign)(?P<end>{_VERSE}))?)?"
#: Times of day, and nothing else: 10:30, 10:30-11:15 or 10:30-12.
_CLOCK: Final = rf"{_HOUR}:{_MINUTE}(?:[-–]{_HOUR}(?::{_MINUTE})?)?"


def books(text: str, language: str) -> str:
    """Write out names of books and read their numbers: "1 Chr. 3" as "First Chronicles 3"."""
    text = bible_books.written_out(text, language)
    ordinals, shared = _BOOK_ORDINALS[language], bible_books.shared_names(language)
    text = re.sub(
        rf"(?<![\w.,'’])(I{{1,3}}) (?=(?:{shared}) \d)", lambda match: f"{len(match[1])} ", text
    )

    def said(match: re.Match[str]) -> str:
        number = int(match["number"])
        return ordinals[number - 1] if bible_books.exists(number, match["name"]) else match[0]

    return re.sub(rf"(?<![\w:,.–-])(?P<number>[1-5])\.? ?(?=(?P<name>{shared})\b)", said, text)


def times_and_verses(language: str, words: dict[str, Any]) -> Callable[[str], str]:
    """A function that reads the times of day and the verses in a text. ``words``: those of
    ``language``."""
    return _Reader(language, words).read


class _Reader:
    def __init__(self, language: str, words: dict[str, Any]) -> None:
        self._language = language
        self._words = words
        signs, joins = words["hour_signs"], rf"(?: ?[-–] ?| (?:{words['joins']}) )"
        self._hours = re.compile(
            rf"{_EDGE}(?:(?P<hour>{_HOUR})(?:[.:](?P<minute>{_MINUTE}))?(?P<join>{joins}))?"
            rf"(?P<last>{_HOUR})(?:[.:](?P<least>{_MINUTE}))? ?(?P<sign>{signs})"
            rf"(?:(?<=\d[hHu]| [hHu]) ?(?P<after>{_MINUTE}))?(?![^\W_])"
        )
        self._two_hours = re.compile(rf"(\d ?(?:{signs})(?: ?\d\d)?) ?[-–] ?(?=\d+ ?(?:{signs}))")
        names = [name for sign, named in words["money"].items() for name in (sign, *named)]
        measures = "|".join(map(re.escape, (*words["units"], *names, "%")))
        end = rf"{_END}(?! ?(?:{measures}|{words['times']}|{signs})(?![^\W_]))"
        more = rf"(?P<more>(?:[.,]{_VERSES})*)(?P<on> ?(?:{words['following_signs']}))?"
        #: One place in the Bible, as a part of a list of places.
        self._place = re.compile(rf"(?P<chapter>\d+)(?P<sign> ?: ?|[.,]){_REST}{more}")
        link = rf"(?:[;,] |[;,]? (?:{words['joins']}) )"
        named = rf"(?:\b(?:{bible_books.names(language)}|(?i:{words['chapters']})),? )"
        # A comma and three digits after a chapter are thousands, except in Psalm 119.
        rest = re.sub(r"\?P<\w+>", "?:", _REST + more)
        sign = r"(?P<sign> ?: ?|[.,](?!\d{3}(?!\d))|(?<=119)[.,])"
        self._named = re.compile(
            rf"{named}\d{{1,3}}{sign}{rest}(?:{link}\d{{1,3}}(?P=sign){rest})*{end}"
        )
        self._bare = re.compile(
            rf"{_EDGE}\d{{1,3}}(?P<sign>:){rest}(?:{link}\d{{1,3}}:{rest})*{_END}"
        )
        self._clocks = re.compile(rf"{_CLOCK}(?:{link}{_CLOCK})*")
        self._dotted = re.compile(
            rf"(?<!\w)(?i:{words['before_times']}) "
            rf"{_HOUR}\.{_MINUTE}(?:{joins}{_HOUR}\.{_MINUTE})*{end}"
        )
        self._scores = re.compile(rf"(?<!\w)(?i:{words['before_scores']}) $")
        self._before_verses = {
            *words["before_verses"].split("|"), *bible_books.names(language).lower().split("|")
        }  # fmt: skip
        days = (
            *get_day_names("wide", locale=language).values(),
            *get_day_names("abbreviated", locale=language).values(),
            *get_month_names("wide", locale=language).values(),
        )
        self._no_books = {*words["no_books"].split("|"), *(day.lower().strip(".") for day in days)}

    def read(self, text: str) -> str:
        """``text`` with its times and verses as they are said."""
        text = self._two_hours.sub(rf"\1 {self._words['to']} ", text)
        text = self._hours.sub(self._with_sign, text)
        text = self._named.sub(lambda match: self._places(match[0]), text)
        text = self._bare.sub(self._time_or_verse, text)
        return self._dotted.sub(self._dotted_time, text)

    def _with_sign(self, match: re.Match[str]) -> str:
        """Read one or two hours with a sign for hours, or before or after noon."""
        minute, join = match["least"] or match["after"], match["join"] or ""
        before = match["hour"] or ""
        if match["minute"]:
            before = self._time(before, match["minute"])
        if "-" in join or "–" in join:
            join = f" {self._words['to']} "
        if self._language == "en":
            last = self._time(match["last"], minute) if int(minute or "0") else match["last"]
            return f"{before}{join}{last} {match['sign'].upper()}"
        return before + join + self._time(match["last"], minute)

    def _time(self, hour: str, minute: str | None) -> str:
        words, minutes = self._words, int(minute or "0")
        unit = words.get("hour" if int(hour) == 1 else "hours", "")
        if minutes == 0:
            return _FULL_HOUR[self._language].format(int(hour), unit)
        if self._language == "en":
            return f"{int(hour)} {minutes}" if minutes > 9 else f"{int(hour)} oh {minutes}"
        return f"{int(hour)} {unit} {minutes}"

    def _time_or_verse(self, match: re.Match[str]) -> str:
        if self._scores.search(match.string[: match.start()]):
            return match[0].replace(":", f" {self._words['against']} ")
        clocks = self._clocks.fullmatch(match[0]) and not self._ascending(match[0])
        if clocks and not self._is_verse(match.string[: match.start()]):
            return self._times(match[0])
        return self._places(match[0])

    def _ascending(self, text: str) -> bool:
        """Whether a range ends with a number that is higher than the minutes before it: verses."""
        ranges = re.findall(rf":({_MINUTE})[-–](\d+)(?![\d:])", text)
        return any(int(last) > int(first) for first, last in ranges)

    def _is_verse(self, before: str) -> bool:
        """Whether a number after the text ``before`` that may be a time of day is a verse: after
        a name, which has a capital, and after words such as "in". German nouns have one, too."""
        word = re.search(r"([^\W\d_][\w'’]*) $", before)
        if word is None:
            return False
        if word[1].lower() in self._before_verses:
            return True
        a_name = word[1][0].isupper() and word[1].lower() not in self._no_books
        return a_name and self._language != "de"

    def _times(self, text: str) -> str:
        text = re.sub("[-–]", f" {self._words['to']} ", text)
        return re.sub(r"(\d+):(\d\d)", lambda match: self._time(match[1], match[2]), text)

    def _dotted_time(self, match: re.Match[str]) -> str:
        """Read a time with a full stop: "tot 10.30"."""
        return self._times(re.sub(r"(?<=\d)\.(?=\d)", ":", match[0]))

    def _places(self, text: str) -> str:
        return self._place.sub(self._verses, text)

    def _verses(self, match: re.Match[str]) -> str:
        words = self._words
        first, last, end = match["first"], match["last"], match["end"]
        several = words["verses"] if last or match["more"] or match["on"] else words["verse"]
        if end:
            until = f"{words['chapter']} {last} {words['verse']} {end}"
            return f"{match['chapter']} {words['verse']} {first} {words['to']} {until}"
        listed = [f"{first}-{last}" if last else first, *re.findall(_VERSES, match["more"])]
        said = [re.sub("[-–]", f" {words['to']} ", each) for each in listed]
        of = f" {words['and']} ".join(filter(None, (", ".join(said[:-1]), said[-1])))
        on = f" {words['following']}" if match["on"] else ""
        return f"{match['chapter']} {several} {of}{on}"
