"""The sentences that the teachers of the voices speak."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from training.data import Language
from training.phrases import LANGUAGES as GRAMMATICAL
from training.phrases import pairs
from training.recognizer.text import share
from training.translation.corpus import Foreign, read_corpora
from training.voice.forced import PUNCTUATION

MAX_CHARACTERS: Final = 100
HELD_OUT_SHARE: Final = 0.08
"""Of a person's sentences: recordings of them are only tried on, and measured against."""


def is_held_out(text: str) -> bool:
    """Whether a sentence is in no training of a voice; it is in no training of a recogniser,
    either."""
    return share(text) < HELD_OUT_SHARE


def sentences(language: Language, real: Sequence[str], rng: random.Random) -> Iterator[str]:
    """Endless sentences: `real` ones and, if the phrase grammar has the language, its phrases in
    turn.

    A quarter of all sentences lose their final punctuation or end in a comma, like the clauses of
    live speech. Raises ValueError if there are neither.
    """
    if not real and language not in GRAMMATICAL:
        raise ValueError(f"no sentences in {language!r}: the phrase grammar does not know it")
    while True:
        drawn = [rng.choice(real)] if real else []
        if language in GRAMMATICAL:
            drawn.append(pairs(rng, 1, "train")[0][GRAMMATICAL.index(language)])
        for sentence in drawn:
            if rng.random() < 0.25:
                yield sentence.rstrip(PUNCTUATION) + rng.choice(["", ","])
            else:
                yield sentence


def real_sentences(language: Language, data: Path) -> tuple[list[str], list[str]]:
    """Tatoeba's sentences for training and for development; none is in a test set.

    Empty if `data` has none.
    """
    foreign: Foreign = "nl" if language == "en" else language
    corpus = read_corpora(data).get(foreign)
    if corpus is None:
        return [], []
    side = 0 if language == "en" else 1
    learnt, unseen = (
        sorted({pair[side] for pair in part if len(pair[side]) <= MAX_CHARACTERS})
        for part in (corpus.train, corpus.dev)
    )
    return learnt, unseen
