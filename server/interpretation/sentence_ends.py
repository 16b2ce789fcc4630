"""Finds the ends of sentences in recognised words.

If the recogniser writes punctuation, that is used. Otherwise a small network, trained by
``training.sentence_ends``, judges each place between two words from the six words before it in the
same sentence and the three after it. It needs no vocabulary: words are hashed, and so are their
last letters (Weinberger et al. 2009).
"""

import re
import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

FILE: Final = Path(__file__).with_suffix(".npz")
BEFORE, AFTER = 6, 3
#: Rows of the embedding table; row 0 stands for a missing word.
ROWS: Final = 8193
#: A sentence ends where the log odds for that have at least this value. Three development sentences
#: spoken without pauses have 49 BLEU with it (Dutch to English, the starter model), 35 uncut, and
#: 52 cut at their true ends.
LEAST_LOG_ODDS: Final = 1.0

#: Marks that end a written sentence, and words that may have one without ending a sentence.
MARKS: Final = (".", "?", "!", "…")
ABBREVIATIONS: Final = frozenset(
    "mr mrs ms dr st prof jr sr no vs etc e.g i.e a.m p.m bijv dhr mevr mw ds o.a d.w.z z.b bzw "
    "ca nr usw hr fr d.h m mme mlle p.ex".split()
)
#: Languages that write ordinal numbers with a full stop: "am 22. Mai".
ORDINALS: Final = frozenset("de da nb no fi cs sk sl hr sr hu et lv pl tr is".split())
_ORDINAL: Final = re.compile(r"\d{1,3}\.")
#: Quotation marks and brackets that may stand after the mark at the end of a sentence.
_CLOSING: Final = "\"'»«”“’)"
#: Words that a name follows, so that no sentence ends after them.
TITLES: Final = frozenset(
    "mister missus miss doctor professor saint sir lady king queen reverend pastor meneer mevrouw "
    "dokter dominee sint koning koningin pater zuster broeder herr frau doktor pfarrer sankt könig "
    "monsieur madame mademoiselle docteur professeur roi reine père mr mrs ms dr".split()
)

#: The weights, by name and shape: ``vectors`` int8 [ROWS, D], ``scale`` [], ``inner``
#: [(BEFORE + AFTER) * D, H], ``inner_bias`` [H], ``outer`` [H], ``outer_bias`` [].
Network = Mapping[str, NDArray[np.float32]]


def bare(word: str) -> str:
    """``word`` in lower case, without the punctuation around it."""
    return word.strip(".,;:?!…\"'«»„“”‘’()").lower()


def is_written_end(word: str) -> bool:
    """Whether the punctuation of ``word`` ends a sentence."""
    without = bare(word)
    initial = len(without) == 1 and word.endswith(".")
    return word.endswith(MARKS) and without not in ABBREVIATIONS and not initial


def is_written(word: str) -> bool:
    """Whether ``word`` has capitals or punctuation. An apostrophe is part of words such as "'s"."""
    return word.strip("'’") != bare(word)


def written_ends(words: Sequence[str], language: str) -> list[int]:
    """The indices of words that begin a new sentence, by punctuation."""
    ordinals = language.partition("-")[0] in ORDINALS
    return [
        place
        for place in range(1, len(words))
        if _ends_before(words[place - 1], words[place])
        and not (ordinals and _ORDINAL.fullmatch(words[place - 1]))
    ]


def _ends_before(word: str, following: str) -> bool:
    """Whether a sentence ends between these words. After a quotation, the sentence that quotes may
    go on: '"Come!" he said.'"""
    inner = word.rstrip(_CLOSING)
    return is_written_end(inner) and (inner == word or not following[:1].islower())


def spoken_ends(words: Sequence[str], language: str) -> list[int]:
    """The indices of words that likely begin a new sentence, which must have at least two words.
    ``words``: in lower case, without punctuation."""
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
    """The input of the network for the place before word ``place``, in a sentence that begins at
    word ``start``: the rows of each of BEFORE + AFTER words."""
    before = [rows(word) for word in words[max(start, place - BEFORE) : place]]
    after = [rows(word) for word in words[place : place + AFTER]]
    nothing = (0, 0)
    hidden, unknown = BEFORE - len(before), AFTER - len(after)
    return [nothing] * hidden + before + after + [nothing] * unknown


def rows(word: str) -> tuple[int, int]:
    """The two rows of a word in the embedding table: that of the word and that of its last three
    letters. ``word``: as ``bare`` returns it."""
    own, ending = (zlib.crc32(each.encode()) for each in (word, "-" + word[-3:]))
    return 1 + own % (ROWS - 1), 1 + ending % (ROWS - 1)


def log_odds(network: Network, around: Sequence[tuple[int, int]]) -> float:
    """The log odds that a sentence ends at the place of ``around``, made by ``window``."""
    vectors = network["vectors"][np.array(around)].sum(1, dtype=np.float32) * network["scale"]
    inner = np.maximum(vectors.reshape(-1) @ network["inner"] + network["inner_bias"], 0)
    return float(inner @ network["outer"] + network["outer_bias"])


@cache
def networks() -> dict[str, Network]:
    """The networks, by language."""
    made: dict[str, dict[str, NDArray[np.float32]]] = {}
    with np.load(FILE) as arrays:
        for key, array in arrays.items():
            language, name = key.split(".")
            made.setdefault(language, {})[name] = array
    return dict(made)
