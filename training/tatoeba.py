"""Sentence pairs of Tatoeba (CC BY 2.0 FR): english<TAB>dutch lines, plain or .xz."""

import lzma
from pathlib import Path

from training import phrases


def read_pairs(path: Path) -> list[phrases.Pair]:
    """All (English, Dutch) pairs of the file."""
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines]
    return [(row[0], row[1]) for row in rows if len(row) >= 2]


def sentences_within(path: Path, language: phrases.Language) -> list[str]:
    """Distinct sentences of three words or more that the phrase grammar's vocabulary covers."""
    known = set(phrases.vocabulary(language))
    found = {
        text
        for pair in read_pairs(path)
        for text in [pair[phrases.LANGUAGES.index(language)]]
        if not any(char.isdigit() for char in text)
        and len(words := phrases.normalise(text).split()) > 2
        and known.issuperset(words)
    }
    return sorted(found)
