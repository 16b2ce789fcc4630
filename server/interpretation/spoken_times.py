"""Writes spoken times of day and years as figures: "half 11" as 10:30, "19 84" as 1984."""

import re
from typing import Final

#: Words for the hours 1 to 3, which may be left in a text with figures.
_SMALL: Final = {
    "en": {"one": 1, "two": 2, "three": 3},
    "nl": {"een": 1, "één": 1, "twee": 2, "drie": 3},
    "de": {"eins": 1, "zwei": 2, "drei": 3},
    "fr": {},
}
#: After one of these, Dutch "half een" is a time, and not half of something.
_DUTCH_AT: Final = (
    "(?:"
    + "|".join(rf"(?<=\b{at} )" for at in ("om", "tot", "vanaf", "rond", "tegen", "na", "sinds"))
    + ")"
)
_DUTCH_HOUR: Final = r"(?<!een )(?<!1 ){words} (1[0-2]|[1-9]|twee|drie)"
_HOUR: Final = r"(1[0-2]|[1-9]|one|two|three|eins|zwei|drei)"
#: What is said, the hours to add, and the minute.
_CLOCK: Final[dict[str, tuple[tuple[str, int, str], ...]]] = {
    "en": (
        (f"half past {_HOUR}", 0, "30"),
        (f"(?:a )?quarter past {_HOUR}", 0, "15"),
        (f"(?:a )?quarter to {_HOUR}", -1, "45"),
    ),
    "nl": tuple(
        (pattern, hours, minute)
        for words, hours, minute in (
            ("half", -1, "30"), ("kwart over", 0, "15"), ("kwart voor", -1, "45"),
        )
        for pattern in (_DUTCH_HOUR.format(words=words), f"{_DUTCH_AT}{words} (een|één)")
    ),
    "de": (
        (f"halb {_HOUR}", -1, "30"),
        (f"viertel nach {_HOUR}", 0, "15"),
        (f"viertel vor {_HOUR}", -1, "45"),
    ),
    "fr": (
        (r"(1?\d|2[0-4]) heures? et demie", 0, "30"),
        (r"(1?\d|2[0-4]) heures? et quart", 0, "15"),
        (r"(1?\d|2[0-4]) heures? moins le quart", -1, "45"),
    ),
}  # fmt: skip
#: No time is followed by one of these: "half 100", "kwart over 5 procent".
_NO_TIME: Final = r"\b(?![.,:]?\d| ?%| pro[cz]ent\b| percent\b)"

_MONTHS: Final = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
)
#: Before a year in two parts. Elsewhere these may be chapter and verse, or unrelated numbers.
_BEFORE_YEAR: Final = (
    rf"in|of|since|year|lord|early|late|spring|summer|autumn|fall|winter|{_MONTHS}|"
    rf"\d{{1,2}}(?:st|nd|rd|th)|(?:{_MONTHS}) (?:\d{{1,2}}|first|second|third)"
)
#: Before a year that is no time of day.
_BEFORE_LATE_YEAR: Final = (
    rf"{_BEFORE_YEAR}|from|until|till|by|around|about|before|after|between|was|the"
)
_NO_YEAR: Final = r"\b(?! ?%| (?:percent|per|years?|minutes?|hundred|thousand|million)\b)"
#: A zero that is said before another figure: "nine oh five".
_OH: Final = r"oh (?:[1-9]|one|two|three)"
_YEAR: Final = rf"(?:1[3-9] (?:[1-9]\d|{_OH})|20 (?:[1-9]\d|{_OH})(?! people)){_NO_YEAR}"
_YEARS: Final = re.compile(
    rf"(?:\b(?:{_BEFORE_LATE_YEAR}) |^(?=1[6-9])){_YEAR}(?: (?:to|and|or|until|till) {_YEAR})?|"
    rf"\b(?:{_BEFORE_YEAR}) 1[12] (?:[1-9]\d|{_OH}){_NO_YEAR}(?! people)",
    re.IGNORECASE,
)
#: Hours and minutes, as in "at 11 30" and "at 9 oh 5".
_MINUTES: Final = rf"(?:1[0-2]|[1-9]|one|two|three) (?:[0-5]\d|{_OH}){_NO_YEAR}(?! (?:people|of)\b)"
_AT: Final = re.compile(
    rf"\b(?:at|by|until|till|from|before|after|around|about|between) "
    rf"{_MINUTES}(?: (?:to|and|or|until|till) {_MINUTES})?|"
    rf"\b{_MINUTES}(?= (?:[ap]\.? ?m\b|in the (?:morning|afternoon|evening)|o'clock))",
    re.IGNORECASE,
)


def with_times(text: str, language: str) -> str:
    """``text``, in which other numbers are figures, with times of day and years."""
    for pattern, hours, minute in _CLOCK[language]:

        def written(match: re.Match[str], hours: int = hours, minute: str = minute) -> str:
            return f"{_hour(match[1], language) + hours or 12}:{minute}"

        text = re.sub(rf"\b{pattern}{_NO_TIME}", written, text, flags=re.IGNORECASE)
    if language != "en":
        return text
    text = _AT.sub(lambda match: _joined(match, ":"), text)
    return _YEARS.sub(lambda match: _joined(match, ""), text)


def _hour(word: str, language: str) -> int:
    return _SMALL[language].get(word.lower()) or int(word)


def _joined(match: re.Match[str], mark: str) -> str:
    """The match with ``mark`` within each pair of numbers."""

    def pair(numbers: re.Match[str]) -> str:
        first, second = (
            _SMALL["en"].get(word.lower(), word) for word in (numbers[1], numbers[2] or numbers[3])
        )
        return f"{first}{mark}{second:0>2}"

    two = r"\b(\d\d?|one|two|three) (?:(\d\d)|oh (\d|one|two|three))\b"
    return re.sub(two, pair, match[0], flags=re.IGNORECASE)
