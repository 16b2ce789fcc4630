"""A bilingual grammar of phrases that hosts often say: greetings, tours, church, lectures,
meetings.

The sentences come from phrase_grammar.txt. They are split by a hash of the English sentence, so a
sentence is always in the same part. Sentences without alternatives (greetings, set phrases) are
always in "train", because their words occur nowhere else.
"""

import hashlib
import random
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

Language = Literal["en", "nl"]
Part = Literal["train", "dev", "held-out"]
Pair = tuple[str, str]

LANGUAGES: tuple[Language, Language] = ("en", "nl")
_SLOT = re.compile(r"\$([a-z]+)(\d?)")
_GRAMMAR = Path(__file__).with_name("phrase_grammar.txt")


@dataclass(frozen=True)
class Grammar:
    """Slots by name and sentence pairs, each pair (English, Dutch) with $slot references."""

    slots: dict[str, list[Pair]]
    sentences: list[Pair]


@cache
def grammar() -> Grammar:
    """Read phrase_grammar.txt; ValueError names a line that is not a pair."""
    slots: dict[str, list[Pair]] = {}
    sentences: list[Pair] = []
    for line in map(str.strip, _GRAMMAR.read_text(encoding="utf-8").splitlines()):
        if not line or line[0] in "#[":
            continue
        slot = re.match(r"([a-z]+): (.*)", line)
        if slot:
            slots[slot[1]] = [_pair(choice) for choice in slot[2].split(" ; ")]
        else:
            sentences.append(_pair(line))
    return Grammar(slots, sentences)


def _pair(text: str) -> Pair:
    sides = [side.strip() for side in text.split("|")]
    if len(sides) != 2:
        raise ValueError(f"{_GRAMMAR.name}: not an 'English | Dutch' pair: {text!r}")
    return sides[0], sides[1]


def pairs(rng: random.Random, n: int, part: Part | None = None) -> list[Pair]:
    """Draw `n` random (English, Dutch) pairs of `part` (None: any), with case and punctuation.

    Sentences may repeat. Templates with more alternatives are drawn more often.
    """
    rules = grammar()
    weights = [1 + 2 * min(3, len(_SLOT.findall(english))) for english, _ in rules.sentences]
    made: list[Pair] = []
    while len(made) < n:
        template = rng.choices(rules.sentences, weights)[0]
        pair = _expand(rng, template, rules)
        if part is None or _part(template, pair) == part:
            made.append(pair)
    return made


def distinct_pairs(rng: random.Random, n: int, part: Part) -> list[Pair]:
    """Like `pairs`, but no sentence comes twice."""
    found: dict[Pair, None] = {}
    for _ in range(50):
        found.update(dict.fromkeys(pairs(rng, n, part)))
        if len(found) >= n:
            return list(found)[:n]
    raise ValueError(f"the grammar makes fewer than {n} distinct sentences for {part}")


def split_of(english: str) -> Part:
    """The part of a composed English sentence, by its hash: 90 % train, 5 % dev, 5 % held-out."""
    digest = hashlib.sha256(normalise(english).encode()).digest()[0]
    return "train" if digest < 230 else "dev" if digest < 243 else "held-out"


def _part(template: Pair, pair: Pair) -> Part:
    return split_of(pair[0]) if "$" in template[0] else "train"


def _expand(rng: random.Random, template: Pair, rules: Grammar) -> Pair:
    chosen: dict[str, Pair] = {}
    english, dutch = template
    for match in _SLOT.finditer(english):
        name, key = match[1], match[0]
        while key not in chosen:
            choice = _expand_slot(rng, rng.choice(rules.slots[name]), rules)
            if choice not in chosen.values():  # "coffee and coffee" is no sentence
                chosen[key] = choice
    english = _SLOT.sub(lambda match: chosen[match[0]][0], english)
    dutch = _SLOT.sub(lambda match: chosen[match[0]][1], dutch)
    return english[0].upper() + english[1:], dutch[0].upper() + dutch[1:]


def _expand_slot(rng: random.Random, choice: Pair, rules: Grammar) -> Pair:
    match = _SLOT.search(choice[0])
    if not match:
        return choice
    inner = rng.choice(rules.slots[match[1]])
    return choice[0].replace(match[0], inner[0]), choice[1].replace(match[0], inner[1])


@cache
def vocabulary(language: Language) -> tuple[str, ...]:
    """Every word that the grammar can make in `language`, normalised and sorted."""
    side = LANGUAGES.index(language)
    rules = grammar()
    texts = [pair[side] for choices in rules.slots.values() for pair in choices]
    texts += [pair[side] for pair in rules.sentences]
    return tuple(
        sorted({word for text in texts for word in normalise(_SLOT.sub(" ", text)).split()})
    )


def normalise(text: str) -> str:
    """Text as a recogniser writes it: lower case, words only, apostrophes inside words kept."""
    text = unicodedata.normalize("NFC", text).lower().replace("\u2019", "'")
    return " ".join(word.strip("'") for word in re.findall(r"[^\W\d_][\w']*", text))
