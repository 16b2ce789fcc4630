"""Odd inputs that a translator must survive, and a test for runaway translations. Pure functions.

A small network need not translate such input correctly, but it must end, and must not repeat itself
endlessly.
"""

import random
from collections.abc import Sequence
from typing import Final

from server.interpretation.ctranslate2_translator import LOOP, most_in_a_row

LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
OTHER_LANGUAGES: Final = (
    "Где находится вокзал?", "Доброе утро, дамы и господа!", "今日はいい天気ですね。", "你好吗",
    "¿Dónde está la biblioteca?", "Onde fica a estação de trem?", "Gdzie jest dworzec?",
    "Missä on rautatieasema?", "Var ligger järnvägsstationen?", "Hol van a pályaudvar?",
    "Πού είναι ο σταθμός;", "أين المحطة؟", "Tren istasyonu nerede?", "안녕하세요 여러분",
)  # fmt: skip
SIGNS: Final = ("…", "!?", "---", "😀", "🎉🎉🎉", "§ 12 %", "@#$", "\u200b", "\x07", "«»", "///")
#: The longest a translation may be, in words: this many times its source, plus this many.
LONGEST_RATIO: Final = 2.5
LONGEST_MORE: Final = 6


def odd_inputs(sentences: Sequence[str], n: int, rng: random.Random) -> list[str]:
    """``n`` texts: empty, one letter, digits, names, noise, two hundred words, other languages.

    ``sentences``: real ones, to be cut, doubled, mixed and joined.
    """
    makers = (
        lambda: rng.choice(("", " ", "\n", *SIGNS)),
        lambda: rng.choice(LETTERS + LETTERS.upper()),
        lambda: str(rng.randrange(10 ** rng.randint(1, 12))),
        lambda: " ".join(str(rng.randrange(2100)) for _ in range(rng.randint(1, 30))),
        lambda: " ".join(_name(rng) for _ in range(rng.randint(1, 8))),
        lambda: " ".join(_noise(rng) for _ in range(rng.randint(1, 30))),
        lambda: rng.choice(OTHER_LANGUAGES),
        lambda: " ".join(_words(sentences, 200, rng)),
        lambda: " ".join(rng.sample(words := _words(sentences, 40, rng), len(words))),
        lambda: " ".join([rng.choice(_words(sentences, 12, rng))] * rng.randint(2, 60)),
        lambda: rng.choice(sentences).upper(),
        lambda: "".join(rng.choice(sentences).split()),
        lambda: rng.choice(sentences) + " " + rng.choice(OTHER_LANGUAGES + SIGNS),
        lambda: " ".join(rng.choice(sentences).split()[: rng.randint(1, 4)]),
    )
    return [makers[at % len(makers)]() for at in range(n)]


def is_runaway(source: str, translated: str) -> bool:
    """Whether the translation is much longer than its source, or repeats itself in a loop."""
    said, given = translated.split(), source.split()
    # In a script without spaces, characters are counted.
    room = LONGEST_RATIO * max(len(given), len(source) / 8) + LONGEST_MORE
    return len(said) > room or most_in_a_row(translated) >= LOOP > most_in_a_row(source)


def _words(sentences: Sequence[str], n: int, rng: random.Random) -> list[str]:
    words: list[str] = []
    while len(words) < n:
        words += rng.choice(sentences).split()
    return words[:n]


def _name(rng: random.Random) -> str:
    return _noise(rng).capitalize()


def _noise(rng: random.Random) -> str:
    return "".join(rng.choices(LETTERS, k=rng.randint(1, 12)))
