"""The material to measure with: sentences and speech of people, in a folder outside the project.

The folder is $TOLK_DATA, by default ``../shared/data`` beside the checkout. Nothing that is used
here was used in training or tuning.
"""

import json
import lzma
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from server.interpretation.types import Pcm
from server.media.files import SoundFile
from server.media.opus import joined
from training.data import DATA
from training.phrases import normalise

RATE_HZ = 16_000
Language = Literal["en", "nl"]
#: The column of each language in the files.
SIDES: dict[Language, int] = {"en": 0, "nl": 1}


class Clip(NamedTuple):
    """``text`` as a recogniser writes it, and its sound at 16 kHz."""

    text: str
    pcm: Pcm


def folder() -> Path:
    """The folder of the material. Raises FileNotFoundError, whose message says what to do."""
    if not (DATA / "text").is_dir():
        raise FileNotFoundError(f"no material in {DATA}: set TOLK_DATA to the folder that has it")
    return DATA


def pairs(name: str) -> list[tuple[str, str]]:
    """The pairs (English, other language) of a file in text/, in its order."""
    with lzma.open(folder() / "text" / name, "rt", encoding="utf8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines]
    return [(row[0], row[1]) for row in rows if len(row) >= 2]


def sentences(language: Language, count: int) -> list[str]:
    """Distinct Tatoeba sentences of the test file, with three words or more and without figures,
    as a recogniser writes them. They are the same every time."""
    texts = {
        normalise(pair[SIDES[language]])
        for pair in pairs("tatoeba-en-nl.test.tsv.xz")
        if not any(character.isdigit() for character in pair[SIDES[language]])
    }
    long_enough = sorted(text for text in texts if len(text.split()) >= 3)
    return random.Random(17).sample(long_enough, count)


def clips(
    name: str,
    language: str,
    count: int | None = None,
    kept: Callable[[str], bool] | None = None,
) -> Iterator[Clip]:
    """Clips of a folder of the material that has a manifest.jsonl: all, or ``count`` random ones,
    which are the same every time.

    ``kept``: take only sentences for which it returns true.
    """
    root = folder() / name
    rows = [json.loads(line) for line in (root / "manifest.jsonl").read_text("utf8").splitlines()]
    rows = [row for row in rows if row["text"] and row["language"].startswith(language)]
    if kept is not None:
        rows = [row for row in rows if kept(row["text"])]
    if count is not None and count < len(rows):
        rows = random.Random(17).sample(rows, count)
    for row in rows:
        with SoundFile(root / row["file"], RATE_HZ) as file:
            yield Clip(normalise(row["text"]), joined(list(file)))
