"""Reads amounts: money, measures, grouped digits, decimals, and ranges of numbers."""

import re
from typing import Any, Final

#: Spaces that do not end a line. French has them within and after numbers, and after titles.
_FIXED_SPACES: Final = "[\u00a0\u2009\u202f]"
_FRACTIONS: Final = {"½": "5", "¼": "25", "¾": "75"}


def in_plain_spaces(text: str) -> str:
    """Replace fixed spaces, and remove those that group the digits of a number."""
    text = re.sub(
        rf"(?<![\d+])(?<!\d{_FIXED_SPACES})[1-9]\d{{0,2}}(?:{_FIXED_SPACES}\d{{3}})+(?!\d)",
        lambda match: re.sub(_FIXED_SPACES, "", match[0]), text,
    )  # fmt: skip
    return re.sub(_FIXED_SPACES, " ", text)


def grouped(text: str, words: dict[str, Any]) -> str:
    """Remove thousands separators: 10.000 becomes 10000."""
    sign = words["grouping"]
    return re.sub(
        rf"(?<![\w.,])\d{{1,3}}(?:{sign}\d{{3}})+(?!\d|[.,]\d{{3}})",
        lambda match: re.sub(r"\D", "", match[0]), text,
    )  # fmt: skip


def fractions(text: str, words: dict[str, Any]) -> str:
    """Write a fraction after a number as a decimal: 2½ becomes 2.5."""
    for sign, digits in _FRACTIONS.items():
        text = re.sub(rf"(?<=\d) ?{sign}", words["decimal"] + digits, text)
    return text


def money(text: str, language: str, words: dict[str, Any]) -> str:
    """Read amounts of money, with the sign before or after them."""
    names, short = words["money"], words.get("short_times", {})
    decimal = re.escape(words["decimal"])
    times = rf" (?:{words['times']})(?!\w)|(?:{'|'.join(short) or '(?!)'})(?!\w)"
    amount = rf"(?P<whole>\d+)(?:[.,](?:--?|–)|{decimal}(?P<part>\d+))?(?P<times>{times})?"
    signs = rf"(?P<sign>{'|'.join(map(re.escape, names))})"

    def several(sign: str, times: str | None) -> str:
        many = str(names[sign][1])
        if times and language == "fr":
            return f"d'{many}" if many[0] == "e" else f"de {many}"
        return many

    def in_range(match: re.Match[str]) -> str:
        times = short.get(match["times"], match["times"])
        numbers = f"{match['least']} {words['to']} {match['most']}"
        return f"{numbers}{times or ''} {several(match['sign'], times)}"

    def said(match: re.Match[str]) -> str:
        whole, part, times = match["whole"], match["part"] or "", match["times"]
        one, _, cents = names[match["sign"]]
        times = short.get(times, times)
        if times or len(part) not in (0, 2):
            rest = words["decimal"] + part if part else ""
            return f"{whole}{rest}{times or ''} {several(match['sign'], times)}"
        part = str(int(part or "0"))
        if whole == "0" and part != "0":
            return f"{part} {cents}"
        name = one if whole == "1" else several(match["sign"], None)
        return f"{whole} {name}" if part == "0" else f"{whole} {name} {part}"

    number = rf"\d+(?:{decimal}\d+)?"
    text = re.sub(
        rf"(?<!\w){signs} ?(?P<least>{number}) ?[-–] ?(?:(?P=sign) ?)?(?P<most>{number})"
        rf"(?P<times>{times})?(?![\w-]|[.,]\d)",
        in_range, text,
    )  # fmt: skip
    text = re.sub(rf"(?<!\w){signs} ?{amount}(?!\d|{decimal}\d)", said, text)
    return re.sub(rf"(?<![\w.,]){amount} ?{signs}(?!\w)", said, text)


def units(text: str, words: dict[str, Any]) -> str:
    """Read measures and percentages."""
    names = words["units"]
    signs = "|".join(map(re.escape, names))

    def said(match: re.Match[str]) -> str:
        one, many = names[match[2]]
        return f"{match[1]} {one if match[1] == '1' else many}"

    # An apostrophe after it makes it a French word: "En 2020 m'est arrivé".
    text = re.sub(rf"(?<!\d)(\d+(?:[.,]\d+)?) ?({signs})(?![\w²³/'’])", said, text)
    return re.sub(r"(\d) ?%", rf"\1 {words['percent']}", text)


def ranges(text: str, words: dict[str, Any]) -> str:
    """Read the dash between two numbers."""
    number = rf"\d{{1,4}}(?:{re.escape(words['decimal'])}\d{{1,2}})?"
    pattern = rf"(?<![\w.,/-])({number}) ?[-–] ?({number})(?![\w/-]|[.,:]\d)"
    return re.sub(pattern, rf"\1 {words['to']} \2", text)


def decimals(text: str, words: dict[str, Any]) -> str:
    """Read decimals, the digits after the point or comma one by one. With a full stop in a language
    that has a comma, it is a number such as that of a section or version."""

    def said(match: re.Match[str]) -> str:
        whole, sign, digits = match.groups()
        if sign == "." != words["decimal"]:
            return f"{whole} {words['dot']} {digits}"
        return f"{whole} {words['point']} {' '.join(digits)}"

    return re.sub(r"(?<![\w.,:])(\d+)([.,])(\d{1,6})(?![\d]|[.,:]\d)", said, text)
