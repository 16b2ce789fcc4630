"""Varies sentence pairs: swaps names, cuts beginnings, and writes speech as a recogniser does.

A small network translates the names it knows, and garbles others, unless it learns to copy a name
that it never saw. So names that are on both sides are replaced by other names (Currey et al. 2017
copy whole sentences for the same purpose). Imports no PyTorch.
"""

import random
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

from server.interpretation.numerals import SIGN
from training.translation.corpus import Pair

_CAPITALISED: Final = re.compile(r"(?<!^)(?<![.?!\"„“«] )\b[A-Z][a-zé]{2,}\b")
_FIRST: Final = re.compile(r"[A-Z][a-zé]+")
#: A word that is a name inside this many sentences counts as a name at their beginning, too.
_SURE: Final = 3
_INVENTED_SHARE: Final = 0.4


def plain(text: str) -> str:
    """``text`` in lower case, without punctuation. Apostrophes inside words, digits and signs for
    numbers stay."""
    text = unicodedata.normalize("NFC", text).lower().replace("\u2019", "'")
    words = re.findall(rf"{SIGN.pattern}|[\w']+", text)
    return " ".join(filter(None, (word.strip("'") for word in words)))


def cut(source: str, target: str, rng: random.Random) -> Pair:
    """A beginning of the source, and the part of the target that certainly belongs to it.

    The target is cut in proportion, and one word earlier, because the word order differs. A pair
    that is too short for that stays whole (Niehues et al. 2018).
    """
    source_words, target_words = source.split(), target.split()
    if len(source_words) < 3:
        return source, target
    kept = rng.randint(2, len(source_words) - 1)
    covered = kept * len(target_words) // len(source_words) - 1
    if covered < 1:
        return source, target
    return " ".join(source_words[:kept]), " ".join(target_words[:covered])


def names_of(pair: Pair) -> list[str]:
    """Capitalised words that are inside both sentences: names that are the same in both
    languages."""
    there = set(_CAPITALISED.findall(pair[1]))
    return [name for name in dict.fromkeys(_CAPITALISED.findall(pair[0])) if name in there]


class Names:
    """Names to swap in: those of the corpus, all equally often, and invented ones."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        seen = Counter(name for pair in pairs for name in names_of(pair))
        self._known = sorted(seen) or ["Anna"]
        self._sure = {name for name, count in seen.items() if count >= _SURE}
        self._follows: defaultdict[str, list[str]] = defaultdict(list)
        for name in self._known:
            for at, letter in enumerate(name[2:] + "$", start=2):
                self._follows[name[at - 2 : at]].append(letter)

    def of(self, pair: Pair) -> list[str]:
        """Like ``names_of``, and also the first word of both sentences, if it is a name
        elsewhere."""
        first, other = ((_FIRST.match(side) or [""])[0] for side in pair)
        begun = [first] if first == other and first in self._sure else []
        return [*begun, *(name for name in names_of(pair) if name not in begun)]

    def draw(self, rng: random.Random) -> str:
        """A name of the corpus, or an invented one that sounds like those."""
        name = rng.choice(self._known)
        if rng.random() >= _INVENTED_SHARE:
            return name
        made = name[:2]
        while len(made) < 12 and (letter := rng.choice(self._follows[made[-2:]])) != "$":
            made += letter
        return made


def swap_names(pair: Pair, names: Names, rng: random.Random) -> Pair:
    """The pair, with each name that is on both sides replaced by another."""
    sides = list(pair)
    for name in names.of(pair):
        other = names.draw(rng)
        sides = [re.sub(rf"\b{name}\b", other, side) for side in sides]
    return sides[0], sides[1]
