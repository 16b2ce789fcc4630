"""Which verses may not be learnt from: those of whole books, in every version.

The files of verses are versions after versions, each in the order of the books, without
references. So a book is found by how it and the next one open in English; and because versions
join and part verses differently, what shares many runs of words with such a book is left out too.
Imports no PyTorch.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from training.translation.corpus import Pair

#: A run of words that two texts have in common by chance only rarely.
RUN_WORDS: Final = 5
#: From this share of its runs on a text counts as one of the book.
SHARED: Final = 0.3


@dataclass(frozen=True)
class Book:
    """``opens`` and ``next_opens``: how it and the one after it open, in either English version.
    ``verses``: not more than this, to find a file in which the next one does not open so."""

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
#: To choose by.
DEV_BOOK: Final = Book(
    "Galatians", r"paul, an apostle\W+(sent )?not from men",
    rf"{_PAUL}, to the saints", 160,
)  # fmt: skip


def verses_of(book: Book, pairs: Sequence[Pair]) -> list[list[Pair]]:
    """The (English, other) pairs of the book, a list for each version in ``pairs``.

    Raises ValueError where the book does not end.
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
    """English texts, to tell whether another one is of them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._runs = {run for text in texts for run in _runs(text)}

    def hold(self, text: str) -> bool:
        """Whether ``text`` shares many runs of words with these; without any, whether it is one."""
        runs = _runs(text)
        return sum(run in self._runs for run in runs) >= SHARED * len(runs)


def _runs(text: str) -> list[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return [tuple(words[at : at + RUN_WORDS]) for at in range(max(1, len(words) - RUN_WORDS + 1))]
