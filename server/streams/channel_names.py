"""The names of channels."""

import re
from collections.abc import Iterable

_CHANNEL = re.compile(r"^(?:floor|(?P<language>[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)(?:\+floor)?)$")


def language_of(channel: str) -> str | None:
    """The language interpreted on a channel: "en" for "en" and "en+floor", None for "floor"."""
    match = _CHANNEL.match(channel)
    return match["language"] if match else None


def channels(languages: Iterable[str]) -> list[str]:
    """The floor, and the channels of these languages."""
    languages = list(languages)
    return ["floor", *languages, *(f"{language}+floor" for language in languages)]
