"""Replaces numbers in sentence pairs by signs, as the server does. Imports no PyTorch."""

import re
from typing import Final

from server.interpretation.numerals import SIGN, masked, masked_alike
from server.interpretation.spelled_numbers import in_figures
from training.translation.corpus import Pair
from training.translation.recipe import Direction

#: Sentences without a digit or one of these words hardly ever have a number, and are skipped, as
#: finding numbers is slow.
_MAYBE: Final = re.compile(
    r"\d|teen|twent|thir|for|fif|six|seven|eight|nine|ten|eleven|twel|four|five|hundred|thousand|"
    r"million|vier|vijf|zes|zeven|acht|negen|tien|elf|twaalf|dert|hond|duiz|miljoen|fünf|sechs|"
    r"sieben|neun|zehn|zwölf|drei|hundert|tausend|quatre|cinq|sept|huit|neuf|dix|onze|douze|treize|"
    r"quat|quinze|seize|vingt|trente|cent|mille",
    re.IGNORECASE,
)


def signed(pair: Pair, direction: Direction) -> Pair:
    """(source, target) with signs, if all numbers of the source are in the target; else unchanged.

    Existing signs are put in the order of the source.
    """
    if SIGN.search(pair[0]):
        return _renumbered(pair)
    if not all(map(_MAYBE.search, pair)):
        return pair
    source = masked(in_figures(pair[0], direction[0]), direction[0])
    if not source.numerals:
        return pair
    target = masked_alike(in_figures(pair[1], direction[1]), direction[1], source.numerals)
    return (source.text, target.text) if len(target.numerals) == len(source.numerals) else pair


def without_other_signs(source: str, target: str) -> str:
    """``target`` up to the first sign that ``source`` does not have."""
    known = set(SIGN.findall(source))
    for match in SIGN.finditer(target):
        if match[0] not in known:
            return target[: match.start()].rstrip()
    return target


def _renumbered(pair: Pair) -> Pair:
    new: dict[str, str] = {}
    count: dict[str, int] = {}
    for sign in SIGN.findall(pair[0]):
        if sign not in new:
            count[sign[1]] = count.get(sign[1], 0) + 1
            new[sign] = f"<{sign[1]}{count[sign[1]]}>"
    source, target = (SIGN.sub(lambda match: new.get(match[0], match[0]), side) for side in pair)
    return source, target
