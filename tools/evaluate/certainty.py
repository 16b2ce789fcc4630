"""Which words of captions were marked as certain, since when, and whether they changed later."""

from collections.abc import Iterable
from typing import NamedTuple

from tools.evaluate.captions import Line, Shown


class Certainty(NamedTuple):
    """``words``: the certain words in order, each with the time from which on it was certain.
    ``changed``: how many of them changed later."""

    words: list[Shown]
    changed: int


def certainty(lines: Iterable[Line]) -> Certainty:
    """The certain words of one language's captions, in the order in which these came. Words count
    from the beginning of the talk: if a line ends before its certain words do, the next line begins
    with the rest of them."""
    final: dict[int, list[str]] = {}
    certain: list[Shown] = []
    changed = 0
    for line in lines:
        texts = line.text.split() if line.status != "clear" else []
        before = [text for number in sorted(final) for text in final[number]]
        if line.status == "partial":
            now, sure = before + texts, len(before) + line.certain
        else:
            final[line.segment] = texts
            now = [text for number in sorted(final) for text in final[number]]
            sure = len(now)
        for place, text in enumerate(now[: len(certain)]):
            if certain[place].text != text:
                changed += 1
                certain[place] = Shown(text, certain[place].start_s)
        certain += [Shown(text, line.at_s) for text in now[len(certain) : sure]]
    stayed = sum(map(len, final.values()))
    return Certainty(certain[:stayed], changed + max(0, len(certain) - stayed))
