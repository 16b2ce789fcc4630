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

from server.interpretation import amounts, german_ordinals
from server.interpretation.times_and_verses import books, times_and_verses

_WORDS: Final[dict[str, dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_suffix(".toml").read_text("utf-8")
)
_ENDINGS: Final = "com|org|net|info|edu|gov|io|app|church|nl|be|de|at|ch|fr|eu|uk"
#: Parts of an address that are spelled out letter by letter.
_SPELLED: Final = frozenset(("www", "nl", "be", "de", "at", "ch", "fr", "eu", "uk", "io"))
#: A telephone number: one of another country, one with the area before it, five pairs of digits,
#: or an American one.
_PHONE: Final = (
    r"\+(?=(?:[ ()-]*\d){8})\d{1,3}(?: ?\(0\))?(?:[ -]?\d{1,8}){1,6}|"
    r"\(?0(?=(?:[ ()/-]*\d){7})\d{1,4}\)?(?:(?: ?[-/] ?| )\d{2,8}){1,5}|"
    r"0\d(?:\.\d\d){4}|(?:1[ -])?\(?\d{3}\)?[ -]\d{3}-\d{4}"
)

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
        amounts.in_plain_spaces,
        lambda text: _addresses(text, words),
        lambda text: _dates(text, language),
        lambda text: _phones(text, words),
        lambda text: _abbreviations(text, words),
        lambda text: books(text, language),
        times_and_verses(language, words),
        lambda text: amounts.grouped(text, words),
        lambda text: amounts.fractions(text, words),
        lambda text: amounts.money(text, language, words),
        lambda text: _ordinals(text, language),
        lambda text: amounts.units(text, words),
        lambda text: amounts.ranges(text, words),
        lambda text: amounts.decimals(text, words),
        lambda text: _signs(text, words),
    )


def _addresses(text: str, words: dict[str, Any]) -> str:
    """Read web and mail addresses."""
    pattern = rf"(?<![\w-])(?<!\w[.@])(?:https?://)?((?:[\w-]+@)?[\w-]+(?:\.[\w-]+)*\.(?:{_ENDINGS})(?:/[\w/-]*)?)\b(?!\.\w)"
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
        written = format_date(
            date, "d. MMMM y" if language == "de" else "d MMMM y", locale=language
        )
        return re.sub("^1 ", "1er ", written) if language == "fr" else written

    def in_order(match: re.Match[str]) -> str:
        american = language == "en" and int(match[3]) > 12
        day, month = (match[3], match[1]) if american else (match[1], match[3])
        return said(day, month, match[4], match[0])

    text = re.sub(
        r"(?<![\w-])(\d{4})-(\d\d)-(\d\d)(?![\w-])",
        lambda match: said(match[3], match[2], match[1], match[0]), text,
    )  # fmt: skip
    text = re.sub(r"(?<![\w./-])(\d{1,2})([-./])(\d{1,2})\2(\d{4})(?![\w/-])", in_order, text)
    if language != "de":
        return text

    def of_any_year(match: re.Match[str]) -> str:
        date = said(match["day"], match["month"], "2000", match["date"])
        return match["before"] + date.removesuffix(" 2000")

    before, day, month = "[Aa]m|[Vv]om|[Zz]um|[Bb]is|[Aa]b|de[mnr]", r"\d{1,2}", r"\d{1,2}"
    return re.sub(
        rf"\b(?P<before>(?:{before}) )(?P<date>(?P<day>{day})\.(?P<month>{month})\.)(?!\d)",
        of_any_year, text,
    )  # fmt: skip


def _phones(text: str, words: dict[str, Any]) -> str:
    """Read telephone numbers digit by digit, with a pause after each group."""

    def said(match: re.Match[str]) -> str:
        groups = re.findall(r"\+?\d+", match[0].replace("(0)", " "))
        return ", ".join(" ".join(group) for group in groups).replace("+", words["plus"])

    return re.sub(rf"(?<![\w.,/+-])(?<!\d )(?:{_PHONE})(?!\w|[.,:]\d)", said, text)


def _abbreviations(text: str, words: dict[str, Any]) -> str:
    for pattern, meant in words["abbreviations"].items():
        any_case = pattern
        if pattern == pattern.lower():  # it has a capital at the beginning of a sentence
            any_case = re.sub(
                r"(?:^|(?<=\|))[a-z]", lambda match: f"[{match[0]}{match[0].upper()}]", pattern
            )
        text = re.sub(rf"(?<![\w.])(?:{any_case})", meant, text)
    return text


def _ordinals(text: str, language: str) -> str:
    if language == "de":
        return german_ordinals.ordinals(text)

    def said(match: re.Match[str]) -> str:
        if language == "fr" and match["n"] == "1" and match["sign"] in ("re", "ère"):
            return "première"
        return str(num2words(int(match["n"]), lang=language, to="ordinal"))

    if language == "en":  # the 1990s
        text = re.sub(
            r"(?<![\w.,])(1\d|20)?['’]?([2-9]0)s\b",
            lambda match: f"{match[1] or ''} {num2words(int(match[2]))[:-1]}ies".strip(), text,
        )  # fmt: skip
    if language == "fr":  # le XXe siècle
        text = re.sub(
            r"\b([IVX]+)(er|e|ème)\b", lambda match: f"{_roman(match[1])}{match[2]}", text
        )
    signs = {"en": "st|nd|rd|th", "nl": "e|ste|de", "fr": "ère|er|re|e|ème|nde?|de"}[language]
    plural = "(?P<plural>s?)" if language == "fr" else "(?P<plural>)"
    return re.sub(
        rf"(?<![\w.,])(?P<n>\d{{1,4}})(?P<sign>{signs}){plural}\b",
        lambda match: said(match) + match["plural"], text,
    )  # fmt: skip


def _roman(numeral: str) -> int:
    """The number that ``numeral``, of the letters I, V and X, stands for."""
    values = [{"I": 1, "V": 5, "X": 10}[letter] for letter in numeral]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(-value if value < following else value for value, following in pairs)


def _signs(text: str, words: dict[str, Any]) -> str:
    text = re.sub(r"(?<=\w) ?& ?(?=\w)", f" {words['and']} ", text)
    text = re.sub(r"(?<=\d) ?\+ ?(?=\d)", f" {words['plus']} ", text)
    text = re.sub(r"(?<=\d) ?[x×] ?(?=\d)", f" {words['multiplied']} ", text)
    text = re.sub(r"(?<=\d) ?[x×](?!\w)", f" {words['multiplied']}", text)
    text = re.sub(r"(?<![^\s(])[-\u2212](?=\d)", words["minus"] + " ", text)
    text = re.sub(r"§ ?(?=\d)", words["section"] + " ", text)
    return re.sub(r"# ?(?=\d)", words["number"] + " ", text)
