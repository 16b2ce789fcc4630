"""The sentences to speak and to count: Tatoeba, LibriSpeech's transcripts, our grammar.

No sentence of the test file is among them; case and punctuation are ignored.
"""

import hashlib
import json
import lzma
import random
from functools import cache
from pathlib import Path

from training import phrases
from training.tatoeba import read_pairs

_TEST = "tatoeba-en-nl.test.tsv.xz"
_PAIRS: dict[phrases.Language, tuple[str, ...]] = {
    "en": tuple(f"tatoeba-en-{other}.train.tsv.xz" for other in ("nl", "de", "fr")),
    "nl": ("tatoeba-en-nl.train.tsv.xz",),
}
_BOOKS = "librispeech-train-clean-100.txt.xz"
_HELD_OUT_SHARE = 0.25
_DEV_SHARE = 0.01


@cache
def test_sentences(data: Path, language: phrases.Language) -> frozenset[str]:
    """The normalised sentences that may not be learnt from."""
    side = phrases.LANGUAGES.index(language)
    pairs = read_pairs(data / "text" / _TEST)
    return frozenset(phrases.normalise(pair[side]) for pair in pairs)


@cache
def tatoeba(data: Path, language: phrases.Language) -> tuple[str, ...]:
    """Distinct sentences as written, without those that contain digits."""
    side = phrases.LANGUAGES.index(language)
    held = test_sentences(data, language)
    found: dict[str, str] = {}
    for name in _PAIRS[language]:
        for pair in read_pairs(data / "text" / name):
            text = pair[side]
            said = phrases.normalise(text)
            if said and said not in held and not any(char.isdigit() for char in text):
                found.setdefault(said, text)
    return tuple(found[said] for said in sorted(found))


@cache
def books(data: Path, language: phrases.Language) -> tuple[str, ...]:
    """English: LibriSpeech's training sentences, in lower case."""
    if language != "en":
        return ()
    held = test_sentences(data, language)
    with lzma.open(data / "text" / _BOOKS, "rt", encoding="utf-8") as lines:
        return tuple(said for line in lines if (said := phrases.normalise(line)) not in held)


@cache
def grammar(language: phrases.Language, count: int = 8000) -> tuple[str, ...]:
    """Sentences of the phrase grammar. Common ones repeat."""
    side = phrases.LANGUAGES.index(language)
    return tuple(pair[side] for pair in phrases.pairs(random.Random(1), count, "train"))


def is_dev(sentence: str) -> bool:
    """Whether a sentence is used for choices and not for training (a hundredth of all)."""
    return share(sentence) > 1 - _DEV_SHARE


def is_held_out(sentence: str) -> bool:
    """Whether a sentence that several people read is kept for tests (a quarter)."""
    return share(sentence) < _HELD_OUT_SHARE


def share(sentence: str) -> float:
    """A number from 0 to 1 that depends only on the words."""
    digest = hashlib.sha256(phrases.normalise(sentence).encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32


def read_manifest(folder: Path) -> list[dict[str, str]]:
    """The entries for a folder of human speech: "file", "speaker", "text" and more for every
    clip."""
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


class Draw:
    """Draws random sentences to speak: written sentences, pieces of books, the grammar."""

    def __init__(self, data: Path, language: phrases.Language) -> None:
        natural = [text for text in tatoeba(data, language) if not is_dev(text)]
        self._kinds = [natural, list(grammar(language)), list(books(data, language))]
        self._weights = [0.62, 0.2, 0.18 if self._kinds[2] else 0.0]

    def sentence(self, rng: random.Random) -> str:
        """A sentence of at most about twenty words."""
        kind = rng.choices(self._kinds, self._weights)[0]
        words = rng.choice(kind).split()
        if len(words) > 20:
            length = rng.randint(6, 16)
            start = rng.randrange(len(words) - length)
            words = words[start : start + length]
        return " ".join(words)
