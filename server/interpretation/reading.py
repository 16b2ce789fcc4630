"""Prepares text for a voice: writes out numbers, signs and abbreviations as they are read aloud.

Captions keep the original text; a voice reads "13:4-8" as "13 verses 4 to 8". Whole numbers stay
digits, because espeak-ng reads those well. ``reading.toml`` has the words of each language; text
in any other language is not changed.
"""

import datetime
import functools
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from babel.dates import format_date
from num2words import num2words  # type: ignore[import-untyped]

from server.interpretation.times_and_verses import books, times_and_verses

_WORDS: Final[dict[str, dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_suffix(".toml").read_text("utf-8")
)
_ENDINGS: Final = "com|org|net|info|edu|gov|io|app|church|nl|be|de|at|ch|fr|eu|uk"
#: Parts of an address that are spelled out letter by letter.
_SPELLED: Final = frozenset(("www", "nl", "be", "de", "at", "ch", "fr", "eu", "uk", "io"))
_MONTHS: Final = (
    "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
)
#: German nouns and months before which "3." is an ordinal.
_GERMAN_ORDERED: Final = (
    f"{_MONTHS}|Mose|Samuel|Könige|Chronik|Korinther|Thessalonicher|Timotheus|Petrus|Johannes|"
    "Jahrhundert|Kapitel|Strophe|Vers|Advent|Sonntag|Klasse|Mal|Tag|Buch|Brief|Platz"
)
_RANGE: Final = r"(?<![\w.,/-])(\d{1,4}) ?[-–] ?(\d{1,4})(?![\w/-]|[.,:]\d)"

Rule = Callable[[str], str]


def read_aloud(text: str, language: str) -> str:
    """``text`` as a person reads it aloud in ``language``, a language tag."""
    base = language.partition("-")[0]
    for rule in _rules(base) if base in _WORDS else ():
        text = rule(text)
    return text


@functools.cache
def _rules(language: str) -> tuple[Rule, ...]:
    """The rules, in the order of their use. Later rules do not match what earlier ones wrote."""
    words = _WORDS[language]
    return (
        lambda text: _addresses(text, words),
        lambda text: _dates(text, language),
        _phones,
        lambda text: _abbreviations(text, words),
        lambda text: books(text, language),
        times_and_verses(language, words),
        lambda text: _grouped(text, words),
        lambda text: _money(text, language, words),
        lambda text: _ordinals(text, language),
        lambda text: _units(text, words),
        lambda text: re.sub(_RANGE, rf"\1 {words['to']} \2", text),
        lambda text: _decimals(text, words),
        lambda text: _signs(text, words),
    )


def _addresses(text: str, words: dict[str, Any]) -> str:
    """Read web and mail addresses."""
    pattern = (
        rf"(?:https?://)?((?:[\w-]+@)?[\w-]+(?:\.[\w-]+)*\.(?:{_ENDINGS})(?:/[\w/-]*)?)\b(?!\.\w)"
    )
    signs = {".": words["dot"], "/": words["slash"], "-": words["dash"], "@": words["at"]}

    def said(match: re.Match[str]) -> str:
        address = match[1].rstrip("/").replace("/", " / ")
        parts = re.split(r"([./@-])", address.lower())
        spoken = (
            " ".join(part) if part in _SPELLED else str(signs.get(part, part)) for part in parts
        )
        return " ".join(" ".join(spoken).split())

    return re.sub(pattern, said, text)


def _dates(text: str, language: str) -> str:
    def said(day: str, month: str, year: str, whole: str) -> str:
        try:
            date = datetime.date(int(year), int(month), int(day))
        except ValueError:
            return whole
        return format_date(date, "d. MMMM y" if language == "de" else "d MMMM y", locale=language)

    text = re.sub(
        r"(?<![\w-])(\d{4})-(\d\d)-(\d\d)(?![\w-])",
        lambda match: said(match[3], match[2], match[1], match[0]), text,
    )  # fmt: skip
    return re.sub(
        r"(?<![\w./-])(\d{1,2})([-./])(\d{1,2})\2(\d{4})(?![\w/-])",
        lambda match: said(match[1], match[3], match[4], match[0]), text,
    )  # fmt: skip


def _phones(text: str) -> str:
    """Read telephone numbers digit by digit, with a pause after each group."""

    def said(match: re.Match[str]) -> str:
        return ", ".join(" ".join(group) for group in re.findall(r"\+?\d+", match[0]))

    return re.sub(r"(?<![\w.,])(?:\+\d\d|0)[\d]{1,4}(?:[- ]\d{2,8}){1,4}(?![\w])", said, text)


def _abbreviations(text: str, words: dict[str, Any]) -> str:
    for pattern, meant in words["abbreviations"].items():
        text = re.sub(rf"(?<![\w.])(?:{pattern})", meant, text)
    return text


def _grouped(text: str, words: dict[str, Any]) -> str:
    """Remove thousands separators: 10.000 becomes 10000."""
    sign = words["grouping"]
    return re.sub(
        rf"(?<![\w.,])\d{{1,3}}(?:{sign}\d{{3}})+(?!\d|[.,]\d{{3}})",
        lambda match: re.sub(r"\D", "", match[0]), text,
    )  # fmt: skip


def _money(text: str, language: str, words: dict[str, Any]) -> str:
    names = words["money"]
    decimal = re.escape(words["decimal"])
    amount = rf"(\d+)(?:{decimal}(\d\d|-))?( (?i:mi|bi)[a-zé]+| Mio\.| Mrd\.)?"
    signs = "|".join(map(re.escape, names))

    def said(sign: str, whole: str, cents: str | None, times: str | None) -> str:
        one, many = names[sign]
        name = one if whole == "1" and not times else many
        if times and language == "fr":
            name = f"d'{name}" if name[0] == "e" else f"de {name}"
        cents = f" {int(cents)}" if cents and cents.isdigit() and int(cents) else ""
        return f"{whole}{times or ''} {name}{cents}"

    text = re.sub(
        rf"({signs}) ?{amount}(?!\d)",
        lambda match: said(match[1], match[2], match[3], match[4]), text,
    )  # fmt: skip
    return re.sub(
        rf"(?<![\w.,]){amount} ?({signs})",
        lambda match: said(match[4], match[1], match[2], match[3]), text,
    )  # fmt: skip


def _ordinals(text: str, language: str) -> str:
    def said(match: re.Match[str]) -> str:
        word = str(num2words(int(match["n"]), lang=language, to="ordinal"))
        if language == "de":
            before = (match["before"] or "").lower().split()
            bent = {
                "n": ("am", "vom", "zum", "im", "beim", "dem", "des", "den", "der"),
                "": ("die", "das"),
            }
            ending = next((end for end, words in bent.items() if set(before) & set(words)), "r")
            return (match["before"] or "") + word.removesuffix("r") + ending
        if language == "fr" and match["n"] == "1" and match["sign"] in ("re", "ère"):
            return "première"
        return word

    patterns = {
        "en": r"(?<![\w.,])(?P<n>\d{1,4})(?:st|nd|rd|th)\b",
        "nl": r"(?<![\w.,])(?P<n>\d{1,4})(?:e|ste|de)\b",
        "fr": r"(?<![\w.,])(?P<n>\d{1,4})(?P<sign>ère|er|re|e|ème|nd|nde)\b",
        "de": rf"(?P<before>\b\w+ )?(?<![\w.,])(?P<n>\d{{1,3}})\. (?=(?:{_GERMAN_ORDERED})\b)",
    }
    spaced = " " if language == "de" else ""
    return re.sub(patterns[language], lambda match: said(match) + spaced, text)


def _units(text: str, words: dict[str, Any]) -> str:
    units = words["units"]
    signs = "|".join(map(re.escape, units))

    def said(match: re.Match[str]) -> str:
        one, many = units[match[2]]
        return f"{match[1]} {one if match[1] == '1' else many}"

    text = re.sub(rf"(\d+(?:[.,]\d+)?)[ \u00a0\u202f]?({signs})(?![\w²³/])", said, text)
    return re.sub(r"(\d)[ \u00a0\u202f]?%", rf"\1 {words['percent']}", text)


def _decimals(text: str, words: dict[str, Any]) -> str:
    """Read decimals, written with a point or a comma; the digits after it one by one."""
    return re.sub(
        r"(?<![\w.,:])(\d+)[.,](\d{1,6})(?![\d]|[.,:]\d)",
        lambda match: f"{match[1]} {words['point']} {' '.join(match[2])}", text,
    )  # fmt: skip


def _signs(text: str, words: dict[str, Any]) -> str:
    text = re.sub(r"(?<=\w) ?& ?(?=\w)", f" {words['and']} ", text)
    text = re.sub(r"(?<=\d) ?\+ ?(?=\d)", f" {words['plus']} ", text)
    text = re.sub(r"§ ?(?=\d)", words["section"] + " ", text)
    return re.sub(r"# ?(?=\d)", words["number"] + " ", text)
