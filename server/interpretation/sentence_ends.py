"""Where do sentences end? By punctuation where the recogniser writes it; else by the words around
each place: a small network (``training.sentence_ends`` made it) looks at six words before, of the
same sentence, and three after. A word is known by its hash and that of its last letters, so that
there is no vocabulary (Weinberger et al. 2009).
"""

import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

FILE: Final = Path(__file__).with_suffix(".npz")
BEFORE, AFTER = 6, 3
#: Rows of the table of vectors; row 0 stands for no word.
ROWS: Final = 8193
#: A sentence ends where that is at least so likely, in log odds. Three development sentences in one
#: breath have 49 BLEU so (Dutch to English, the starter model), together 35, cut rightly 52.
LEAST_LOG_ODDS: Final = 1.0

#: What a written sentence ends with, and words that end with it and end none.
MARKS: Final = (".", "?", "!", "…")
ABBREVIATIONS: Final = frozenset(
    "mr mrs ms dr st prof jr sr no vs etc e.g i.e a.m p.m bijv dhr mevr mw ds o.a d.w.z z.b bzw "
    "ca nr usw hr fr d.h m mme mlle p.ex".split()
)
#: Words that a name follows.
TITLES: Final = frozenset(
    "mister missus miss doctor professor saint sir lady king queen reverend pastor meneer mevrouw "
    "dokter dominee sint koning koningin pater zuster broeder herr frau doktor pfarrer sankt könig "
    "monsieur madame mademoiselle docteur professeur roi reine père mr mrs ms dr".split()
)

#: ``vectors`` int8 [ROWS, D], ``scale`` [], ``inner`` [(BEFORE + AFTER) * D, H], ``inner_bias``
#: [H], ``outer`` [H], ``outer_bias`` [].
Network = Mapping[str, NDArray[np.float32]]


def bare(word: str) -> str:
    """Without case and punctuation around it."""
    return word.strip(".,;:?!…\"'«»()").lower()


def is_written_end(word: str) -> bool:
    """Whether a sentence ends with ``word``, by its punctuation."""
    without = bare(word)
    initial = len(without) == 1 and word.endswith(".")
    return word.endswith(MARKS) and without not in ABBREVIATIONS and not initial


def is_written(word: str) -> bool:
    """Whether whoever wrote ``word`` knows capitals or punctuation."""
    return word != bare(word)


def written_ends(words: Sequence[str]) -> list[int]:
    """The places of words that come after a sentence's end, by punctuation."""
    return [place for place in range(1, len(words)) if is_written_end(words[place - 1])]


def spoken_ends(words: Sequence[str], language: str) -> list[int]:
    """The places of words that likely begin a new sentence, if two words at least are known of
    it. ``words``: lower case, without punctuation."""
    network = networks().get(language.partition("-")[0])
    found: list[int] = []
    if network is None:
        return found
    for place in range(1, len(words) - 1):
        around = window(words, found[-1] if found else 0, place)
        if words[place - 1] not in TITLES and log_odds(network, around) >= LEAST_LOG_ODDS:
            found.append(place)
    return found


def window(words: Sequence[str], start: int, place: int) -> list[tuple[int, int]]:
    """The rows of the words around ``place`` of a sentence that begins at ``start``."""
    before = [rows(word) for word in words[max(start, place - BEFORE) : place]]
    after = [rows(word) for word in words[place : place + AFTER]]
    nothing = (0, 0)
    hidden, unknown = BEFORE - len(before), AFTER - len(after)
    return [nothing] * hidden + before + after + [nothing] * unknown


def rows(word: str) -> tuple[int, int]:
    """Of a word, as ``bare`` makes it: its own and that of its last three letters."""
    own, ending = (zlib.crc32(each.encode()) for each in (word, "-" + word[-3:]))
    return 1 + own % (ROWS - 1), 1 + ending % (ROWS - 1)


def log_odds(network: Network, around: Sequence[tuple[int, int]]) -> float:
    """How likely it is that a sentence ends in the middle of a ``window``."""
    vectors = network["vectors"][np.array(around)].sum(1, dtype=np.float32) * network["scale"]
    inner = np.maximum(vectors.reshape(-1) @ network["inner"] + network["inner_bias"], 0)
    return float(inner @ network["outer"] + network["outer_bias"])


@cache
def networks() -> dict[str, Network]:
    """By language."""
    made: dict[str, dict[str, NDArray[np.float32]]] = {}
    with np.load(FILE) as arrays:
        for key, array in arrays.items():
            language, name = key.split(".")
            made.setdefault(language, {})[name] = array
    return dict(made)
