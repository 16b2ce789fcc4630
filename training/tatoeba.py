"""Reads sentence pairs of Tatoeba (CC BY 2.0 FR): english<TAB>dutch lines, plain or .xz."""

import lzma
from pathlib import Path

from training import phrases


def read_pairs(path: Path) -> list[phrases.Pair]:
    """All (English, Dutch) pairs of a file."""
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines]
    return [(row[0], row[1]) for row in rows if len(row) >= 2]
