"""Talks: sentences that no model was trained or tuned on, spoken by espeak-ng voices that no
recogniser was trained on, with the times of words and with translations. Talks of "development" are
for tuning. They have other sentences and voices than the others; no translation model was trained
on these, but the language models of the recognisers were.

Talks are made once and cached, so they are the same every time.
"""

import hashlib
import math
import os
import random
import wave
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from server.interpretation.types import Pcm
from server.media.files import SoundFile
from server.media.opus import RATE_HZ, joined
from tools.evaluate import material
from training import phrases
from training.espeak import Espeak
from training.recognizer import augment, speech
from training.translation.corpus import read_corpora
from training.translation.library import rooms

Language = Literal["en", "nl"]
Origin = Literal["grammar", "tatoeba", "rooms", "development"]

#: Increased when the same request gives other sound than before.
VERSION = 3
FILE_HZ = 16_000
PEAK_DBFS = -9.0
#: Silence before the first sentence. The log-normal pauses between sentences, up to 180 words a
#: minute; above that they are shorter.
LEAD_S = 0.5
PAUSE_MEDIAN_S, PAUSE_SIGMA, PAUSE_RANGE_S = 0.6, 0.4, (0.3, 1.2)
PAUSES_UP_TO_WPM = 180
#: The fewest words of a sentence in both languages. Many short sentences would be no talk.
LEAST_WORDS = 5
#: After so many sentences another voice speaks.
TURN = 20
#: The largest difference between the pace of a sentence and that of the talk.
UNEVEN = 0.08
#: The range of espeak-ng's pace in words a minute, and how often to adjust it to the pace wanted.
SPEEDS = (80, 450)
ROUNDS = 4


class Timed(msgspec.Struct, frozen=True, array_like=True):
    """A word as a recogniser writes it, and its time in seconds from the talk's first sample."""

    text: str
    start_s: float
    end_s: float


class Sentence(msgspec.Struct, frozen=True):
    """A sentence and its ``translation``, as they are written, and the times of its words."""

    words: list[Timed]
    text: str
    translation: str

    @property
    def start_s(self) -> float:
        return self.words[0].start_s

    @property
    def end_s(self) -> float:
        return self.words[-1].end_s


class Talk(msgspec.Struct, frozen=True):
    """``source``: the language spoken. ``target``: the language of ``translation``.
    ``speaking_wpm``: the pace without the pauses between sentences."""

    source: str
    target: str
    words_per_minute: int
    speaking_wpm: float
    duration_s: float
    sentences: list[Sentence]


def talk(
    folder: Path,
    source: Language,
    words_per_minute: int,
    minutes: float,
    origin: Origin = "grammar",
) -> tuple[Talk, Pcm]:
    """A talk and its sound, 48 kHz mono. It is read from ``folder`` if it was made before."""
    texts = sentences(origin, source, round(words_per_minute * minutes))
    said = "\n".join(text for text, _ in texts)
    key = f"{VERSION} {words_per_minute} {minutes} {source} {said}"
    digest = hashlib.sha256(key.encode()).hexdigest()[:10]
    name = f"{origin}-{source}-{words_per_minute}wpm-{minutes:g}min-{digest}"
    described, sound = folder / f"{name}.json", folder / f"{name}.wav"
    if not described.exists():
        folder.mkdir(parents=True, exist_ok=True)
        variants: Sequence[str] = speech.UNSEEN_VARIANTS
        if origin == "development":
            texts = [pair for pair in texts if _can_be_said(pair[0], source)]
            variants = speech.DEV_VARIANTS
        made, pcm = make(texts, source, words_per_minute, minutes * 60, variants)
        with wave.open(str(sound), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(FILE_HZ)
            file.writeframes(pcm.tobytes())
        described.write_bytes(msgspec.json.encode(made))
    with SoundFile(sound, RATE_HZ) as file:
        return msgspec.json.decode(described.read_bytes(), type=Talk), joined(list(file))


def _can_be_said(text: str, source: Language) -> bool:
    """Whether espeak-ng uses only known phones for it, in every accent."""
    try:
        for accent in set(speech.ACCENTS[source]):
            speech.speak(Espeak(), text, accent, random.Random(0))
    except KeyError:
        return False
    return True


def cache_folder() -> Path:
    """The default folder for talks."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tolk" / "talks"


def sentences(origin: Origin, source: Language, words: int) -> list[tuple[str, str]]:
    """Sentences (said, translation) with about ``words`` words, as a recogniser counts them. None
    is repeated until all have been used."""
    drawn = _drawn(origin)
    side = material.SIDES[source]
    found: list[tuple[str, str]] = []
    left = words
    for place in range(words):
        pair = drawn[place % len(drawn)]
        found.append((pair[side], pair[1 - side]))
        left -= len(phrases.normalise(pair[side]).split())
        if left <= 0:
            break
    return found


@cache
def _drawn(origin: Origin) -> list[tuple[str, str]]:
    rng = random.Random(41)
    if origin == "grammar":
        pairs = phrases.distinct_pairs(rng, 1000, "held-out")
    elif origin == "development":
        pairs = list(read_corpora(material.folder())["nl"].dev)
    elif origin == "rooms":
        sides = rooms()
        pairs = list(zip(sides["en"], sides["nl"], strict=True))
    else:
        pairs = material.pairs("tatoeba-en-nl.test.tsv.xz")
    rng.shuffle(pairs)
    return [
        pair
        for pair in pairs
        if all(len(phrases.normalise(text).split()) >= LEAST_WORDS for text in pair)
        and not any(character.isdigit() for text in pair for character in text)
    ]


def make(
    texts: Sequence[tuple[str, str]],
    source: Language,
    words_per_minute: int,
    seconds: float,
    variants: Sequence[str] = speech.UNSEEN_VARIANTS,
) -> tuple[Talk, Pcm]:
    """A talk of ``seconds`` by voices of these ``variants``, and its sound at 16 kHz."""
    pauses_s = pauses(len(texts), words_per_minute)
    speaking_s = seconds - sum(pauses_s)
    words = sum(len(phrases.normalise(text).split()) for text, _ in texts)
    speed = pace = 60 * words / speaking_s
    for _ in range(ROUNDS):
        spoken = _spoken([text for text, _ in texts], source, speed, variants)
        took_s = sum(len(pcm) for _, pcm in spoken) / FILE_HZ
        if abs(took_s / speaking_s - 1) < 0.01:
            break
        speed = min(max(speed * took_s / speaking_s, SPEEDS[0]), SPEEDS[1])
    parts: list[Pcm] = []
    made: list[Sentence] = []
    now_s = 0.0
    for pause_s, (text, translation), (timed, pcm) in zip(pauses_s, texts, spoken, strict=True):
        silence = np.zeros(round(pause_s * FILE_HZ), np.int16)
        start_s = now_s + len(silence) / FILE_HZ
        shifted = [Timed(w.text, w.start_s + start_s, w.end_s + start_s) for w in timed]
        made.append(Sentence(shifted, text, translation))
        parts += [silence, pcm]
        now_s = start_s + len(pcm) / FILE_HZ
    target: Language = "en" if source == "nl" else "nl"
    return Talk(source, target, words_per_minute, pace, now_s, made), np.concatenate(parts)


def pauses(count: int, words_per_minute: int) -> list[float]:
    """Seconds of silence before each of so many sentences."""
    rng = random.Random(43)
    scale = min(1.0, PAUSES_UP_TO_WPM / words_per_minute) ** 2
    low_s, high_s = PAUSE_RANGE_S
    drawn = [rng.lognormvariate(math.log(PAUSE_MEDIAN_S), PAUSE_SIGMA) for _ in range(count - 1)]
    return [LEAD_S, *(scale * min(max(pause_s, low_s), high_s) for pause_s in drawn)]


def _spoken(
    texts: Sequence[str], source: Language, speed: float, variants: Sequence[str]
) -> list[tuple[list[Timed], Pcm]]:
    """The words and the sound of each text, from its first word to its last. Voices and
    differences in pace are the same at every ``speed``."""
    espeak, rng = Espeak(), random.Random(47)
    made = []
    for place, text in enumerate(texts):
        if place % TURN == 0:
            voice = rng.choice(speech.ACCENTS[source]) + rng.choice(variants)
        own = round(speed * rng.uniform(1 - UNEVEN, 1 + UNEVEN))
        own = min(max(own, SPEEDS[0]), SPEEDS[1])
        made.append(_cut(speech.speak(espeak, text, voice, rng, (own, own))))
    return made


def _cut(spoken: speech.Spoken) -> tuple[list[Timed], Pcm]:
    """Cut off the silence before and after a text."""
    words = timed(spoken)
    start_s, end_s = words[0].start_s, words[-1].end_s
    whole = augment.resample(spoken.samples, spoken.rate_hz, FILE_HZ)
    part = whole[round(start_s * FILE_HZ) : round(end_s * FILE_HZ)]
    pcm = augment.at_level(part, PEAK_DBFS).astype(np.int16)
    return [Timed(w.text, w.start_s - start_s, w.end_s - start_s) for w in words], pcm


def timed(spoken: speech.Spoken) -> list[Timed]:
    """The words that have sound, each from its first phone to the end of its last. A written word
    that is recognised as several ("drie-en-twintig") is divided evenly."""
    ends = [segment.start_s for segment in spoken.segments[1:]]
    ends.append(len(spoken.samples) / spoken.rate_hz)
    spans: dict[int, tuple[float, float]] = {}
    for segment, end_s in zip(spoken.segments, ends, strict=True):
        if segment.word >= 0:
            spans[segment.word] = (spans.get(segment.word, (segment.start_s, 0))[0], end_s)
    words = []
    for place, (start_s, end_s) in sorted(spans.items()):
        parts = spoken.words[place].split()
        edges = np.linspace(start_s, end_s, len(parts) + 1).tolist()
        words += [Timed(text, *edge) for text, edge in zip(parts, pairwise(edges), strict=True)]
    return words
