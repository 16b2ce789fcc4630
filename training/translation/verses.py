"""Finds the verses that may not be learnt from: those of whole books, in every version.

The files of verses contain one version after the other, each in the order of the books, without
references. So a book is found by the first English words of it and of the next book. Versions join
and divide verses differently, so texts that share many runs of words with such a book are left out,
too. Imports no PyTorch.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from training.translation.corpus import Pair

#: Two texts rarely share a run of this many words by chance.
RUN_WORDS: Final = 5
#: A text that shares at least this part of its runs with the book counts as part of it.
SHARED: Final = 0.3


@dataclass(frozen=True)
class Book:
    """``opens`` and ``next_opens``: the first words of the book and of the next one, in either
    English version. ``verses``: the most verses it has, for a file in which the next book does not
    begin so."""

    name: str
    opens: str
    next_opens: str
    verses: int


_PAUL: Final = r"paul, an apostle of christ jesus (by|through) the will of god"
TEST_BOOKS: Final = (
    Book(
        "Ruth", r"(in|it happened in) the days when the judges",
        r"now there was a (certain )?man", 90,
    ),
    Book(
        "Jonah", r"now the word of the lord came to jonah",
        r"(this is )?the word of the lord that came to micah", 52,
    ),
    Book(
        "2 Corinthians",
        rf"{_PAUL}, and timothy our brother, to",
        r"paul, an apostle\W+(sent )?not from men", 270,
    ),
    Book(
        "Ephesians",
        rf"{_PAUL}, to the saints",
        r"paul and timothy, servants of", 165,
    ),
    Book(
        "Philippians", r"paul and timothy, servants of",
        rf"{_PAUL}, and timothy our brother,$", 110,
    ),
)  # fmt: skip
#: The book to make choices with (development).
DEV_BOOK: Final = Book(
    "Galatians", r"paul, an apostle\W+(sent )?not from men",
    rf"{_PAUL}, to the saints", 160,
)  # fmt: skip


def verses_of(book: Book, pairs: Sequence[Pair]) -> list[list[Pair]]:
    """The (English, other) pairs of the book, a list for each version in ``pairs``.

    Raises ValueError if the book's end is not found.
    """
    found: list[list[Pair]] = []
    inside = False
    for pair in pairs:
        english = pair[0].strip().lower()
        if re.match(book.opens, english):
            inside = True
            found.append([])
        elif inside and re.match(book.next_opens, english):
            inside = False
        if inside:
            found[-1].append(pair)
            if len(found[-1]) > book.verses:
                raise ValueError(f"{book.name} does not end where the next book should open")
    return found


class Passages:
    """English texts, to test whether another text is part of them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._runs = {run for text in texts for run in _runs(text)}

    def hold(self, text: str) -> bool:
        """Whether ``text`` shares many runs of words with these; if it is too short for a run,
        whether it is one of them."""
        runs = _runs(text)
        return sum(run in self._runs for run in runs) >= SHARED * len(runs)


def _runs(text: str) -> list[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return [tuple(words[at : at + RUN_WORDS]) for at in range(max(1, len(words) - RUN_WORDS + 1))]
