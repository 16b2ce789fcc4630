"""Synthesizes sentences with known phone times, with espeak-ng and flite."""

import random
import re
import subprocess
import tempfile
import wave
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training import phrases
from training.espeak import Espeak, Phoneme, Utterance
from training.recognizer import phones

Samples = npt.NDArray[np.float64]
Lexicon = dict[str, Counter[tuple[str, ...]]]
"""How often each word was heard with which phones."""

ACCENTS: dict[phones.Language, list[str]] = {
    "nl": ["nl"],
    "de": ["de"],
    "en": [*["en-us"] * 5, *["en"] * 3, "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan",
           "en-gb-x-gbcwmd", "en-029"],
}  # fmt: skip
VARIANTS = (
    "", "", "", "+f1", "+f2", "+f4", "+f5", "+m1", "+m2", "+m3", "+m4", "+m6", "+m7", "+m8",
    "+klatt", "+klatt2", "+klatt4", "+linda", "+steph", "+adam", "+Andy", "+Alicia", "+belinda",
    "+david", "+edward", "+michel", "+john", "+Lee", "+norbert", "+pablo", "+Hugo", "+aunty",
    "+grandpa", "+paul", "+quincy", "+sandro", "+travis", "+miguel", "+marcelo", "+Marco",
    "+Alex", "+Andrea", "+Denis", "+Diogo", "+Gene", "+Gene2", "+Henrique", "+Jacky", "+Mario",
    "+Michael", "+Nguyen", "+RicishayMax", "+RicishayMax3", "+announcer", "+antonio", "+benjamin",
    "+caleb", "+ed", "+edward2", "+gustave", "+iven", "+iven2", "+iven3", "+kaukovalta", "+klatt5",
    "+klatt6", "+grandma", "+max", "+pedro", "+robert", "+steph2", "+steph3", "+zac", "+whisperf",
)  # fmt: skip
DEV_VARIANTS = ("+RicishayMax2", "+iven4", "+AnxiousAndy", "+fast")
"""Never trained on: choices are made with these."""
UNSEEN_VARIANTS = ("+f3", "+m5", "+Annie", "+boris", "+klatt3", "+shelby", "+rob", "+anika",
                   "+victor", "+Mike")  # fmt: skip
"""Never trained on nor chosen by: for tests and the demo."""
FLITE_VOICES = ("slt", "awb", "kal16", "slt")
UNSEEN_FLITE_VOICE = "rms"
_SHORTEST_PAUSE_S = 0.03


@dataclass
class Segment:
    """One phone, from `start_s` until the next segment. `word`: its word's index, or -1 in
    silence."""

    phone: str
    start_s: float
    word: int


@dataclass
class Spoken:
    """`samples`: in int16 range at `rate_hz`. `words`: as a recogniser writes them."""

    samples: Samples
    rate_hz: int
    segments: list[Segment]
    words: list[str]


def speak(
    espeak: Espeak,
    text: str,
    voice: str,
    rng: random.Random,
    words_per_minute: tuple[int, int] = (120, 205),
) -> Spoken:
    """Speak `text` with espeak-ng, at a random rate and pitch. Raises KeyError if a phoneme has no
    phone."""
    utterance = espeak.synthesise(
        text,
        voice,
        words_per_minute=rng.randint(*words_per_minute),
        pitch=rng.randint(20, 85),
        pitch_range=rng.randint(20, 90),
        word_gap=rng.choice([0, 0, 0, 0, 2, 5]),
    )
    return from_utterance(utterance, text, voice)


def from_utterance(utterance: Utterance, text: str, voice: str) -> Spoken:
    """Convert espeak-ng's events to our phones."""
    tokens = list(re.finditer(r"\S+", text))
    segments: list[Segment] = []
    word = -1
    events = utterance.events
    for index, event in enumerate(events):
        if not isinstance(event, Phoneme):
            word = next((i for i, t in enumerate(tokens) if t.start() <= event.offset < t.end()),
                        word)  # fmt: skip
            continue
        later = (e.start_s for e in events[index + 1 :] if isinstance(e, Phoneme))
        length_s = next(later, utterance.duration_s) - event.start_s
        if event.name == "r-" and length_s < 0.015:
            continue
        made = phones.from_espeak(event.name, voice)
        if made == (phones.SILENCE,):
            if length_s >= _SHORTEST_PAUSE_S or index == 0:
                segments.append(Segment(phones.SILENCE, event.start_s, -1))
            continue
        for place, phone in enumerate(made):
            segments.append(Segment(phone, event.start_s + 0.6 * place * length_s, word))
    for before, segment in pairwise(segments):
        if segment.phone in phones.CLOSURES and before.phone != phones.SILENCE:
            segment.start_s -= min(0.035, 0.4 * (segment.start_s - before.start_s))
    words = [phrases.normalise(token[0]) for token in tokens]
    return Spoken(utterance.samples.astype(np.float64), utterance.rate_hz, segments, words)


def flite(text: str, voice: str, stretch: float = 1.0) -> Spoken:
    """Speak `text` with flite, without the times of words. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        command = ["flite", "-voice", voice, "--setf", f"duration_stretch={stretch}", "-psdur",
                   "-t", text, "-o", str(path)]  # fmt: skip
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        with wave.open(str(path)) as file:
            rate_hz = file.getframerate()
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    segments, start_s = [], 0.0
    for part in printed.split():
        name, end_s = part.split(":")
        segments.append(Segment(phones.from_flite(name), start_s, -1))
        start_s = float(end_s)
    words = phrases.normalise(text).split()
    return Spoken(samples.astype(np.float64), rate_hz, segments, words)


def count_pronunciations(spoken: Spoken, lexicon: Lexicon) -> None:
    """Count the pronunciations in an utterance; does nothing if espeak-ng joined two words."""
    heard: dict[int, list[str]] = defaultdict(list)
    for segment in spoken.segments:
        if segment.word >= 0:
            heard[segment.word].append(segment.phone)
    if all(index in heard for index in range(len(spoken.words))):
        for index, word in enumerate(spoken.words):
            lexicon[word][tuple(heard[index])] += 1
