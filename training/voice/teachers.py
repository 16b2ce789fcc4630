"""The synthesizers that the voices learn from. They give the time of each of their phones.

The teacher of Dutch, German and French is espeak-ng. The teacher of English is flite's slt, a voice
made from recordings of a woman.
"""

import subprocess
import tempfile
import unicodedata
import wave
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from scipy.signal import resample_poly

from training.espeak import Espeak, Phoneme
from training.voice.alignment import PAUSE, Segment, Unit
from training.voice.audio import SAMPLE_RATE_HZ, Samples
from training.voice.forced import PUNCTUATION, STRESS_MARKS

NORMAL_WORDS_PER_MINUTE: Final = 165
MERGED_BY_FLITE: Final = {
    "tʃ": "ch", "dʒ": "jh", "aɪ": "ay", "aʊ": "aw", "eɪ": "ey", "oʊ": "ow", "ɔɪ": "oy",
    "iː": "iy", "uː": "uw", "ɑː": "aa", "ɔː": "ao", "oː": "ao", "ɜː": "er",
}  # fmt: skip
FLITE_PHONES: Final = {
    "ɚ": "er", "ə": "ax", "ɐ": "ax", "ᵻ": "ih", "ɪ": "ih", "ʊ": "uh", "ʌ": "ah", "æ": "ae",
    "ɛ": "eh", "i": "iy", "u": "uw", "ɔ": "ao", "ɑ": "aa", "e": "eh", "a": "aa", "o": "ow",
    "ɾ": "t", "ʔ": "t", "ɹ": "r", "j": "y", "ŋ": "ng", "θ": "th", "ð": "dh", "ʃ": "sh",
    "ʒ": "zh", "ɡ": "g", "h": "hh",
}  # fmt: skip
FLITE_VOWELS: Final = frozenset("ax ah ih iy eh ae aa ao uh uw er ey ay ow aw oy".split())
FLITE_WEAK_VOWELS: Final = frozenset("ax ah ih eh iy".split())


@dataclass(frozen=True)
class Speech:
    samples: Samples
    """Mono at SAMPLE_RATE_HZ, full scale 1.0."""
    segments: list[Segment]


class Teacher(Protocol):
    espeak_voice: str
    """The espeak-ng voice whose phonemes Piper will feed the student."""

    def speak(self, text: str, stretch: float) -> Speech:
        """`text` spoken `stretch` times as slowly as this teacher normally does."""

    def units(self, phonemes: list[str]) -> list[Unit]:
        """Piper's phonemes grouped as this teacher's phones."""

    def cost(self, wanted: str, spoken: str) -> float:
        """How unlike two of this teacher's phones are: 0 to 3."""


@cache
def _espeak() -> Espeak:
    return Espeak(ipa=True)


class EspeakTeacher:
    """espeak-ng. Its phones are the same as Piper's, code point by code point, with small
    differences."""

    def __init__(self, espeak_voice: str, variant: str = "") -> None:
        """`variant` ("f2"): another vocal tract and another melody."""
        self.espeak_voice = espeak_voice
        self._voice = f"{espeak_voice}+{variant}" if variant else espeak_voice

    def speak(self, text: str, stretch: float) -> Speech:
        words_per_minute = round(NORMAL_WORDS_PER_MINUTE / stretch)
        spoken = _espeak().synthesise(text, self._voice, words_per_minute=words_per_minute)
        phones = [event for event in spoken.events if isinstance(event, Phoneme)]
        ends_s = [phone.start_s for phone in phones[1:]] + [spoken.duration_s]
        segments = []
        for phone, end_s in zip(phones, ends_s, strict=True):
            segments += _split(phone.name, phone.start_s, end_s)
        up, down = SAMPLE_RATE_HZ // 50, spoken.rate_hz // 50
        samples = resample_poly(spoken.samples.astype(np.float64) / 32768, up, down)
        return Speech(samples, segments)

    def units(self, phonemes: list[str]) -> list[Unit]:
        units = []
        for index, phoneme in enumerate(phonemes):
            if phoneme not in STRESS_MARKS:
                units.append(_unit(phoneme, index, index + 1))
        return units

    def cost(self, wanted: str, spoken: str) -> float:
        if wanted == spoken:
            return 0.0
        return 3.0 if PAUSE in (wanted, spoken) else 1.2


class FliteTeacher:
    """flite (US English). Its phones are CMU's; most of Piper's long vowels are one of them."""

    espeak_voice = "en-us"

    def __init__(self, flite_voice: str = "slt") -> None:
        self._flite_voice = flite_voice

    def speak(self, text: str, stretch: float) -> Speech:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "speech.wav"
            command = ["flite", "-voice", self._flite_voice, "-psdur"]
            command += ["--setf", f"duration_stretch={stretch:.3f}", "-t", text, "-o", str(path)]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            with wave.open(str(path)) as file:
                if file.getframerate() != SAMPLE_RATE_HZ:
                    raise ValueError(f"flite voice {self._flite_voice!r} is not a 16 kHz voice")
                pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        segments = []
        start_s = 0.0
        for item in told.split():
            phone, end = item.rsplit(":", 1)
            segments.append(Segment(PAUSE if phone == "pau" else phone, start_s, float(end)))
            start_s = float(end)
        return Speech(pcm.astype(np.float64) / 32768, segments)

    def units(self, phonemes: list[str]) -> list[Unit]:
        units = []
        index = 0
        while index < len(phonemes):
            pair = "".join(phonemes[index : index + 2])
            width = 2 if pair in MERGED_BY_FLITE else 1
            if phonemes[index] not in STRESS_MARKS + "ː":
                phone = MERGED_BY_FLITE.get(pair) or FLITE_PHONES.get(pair[0], pair[0])
                units.append(_unit(phone, index, index + width))
            index += width
        return units

    def cost(self, wanted: str, spoken: str) -> float:
        if wanted == spoken:
            return 0.0
        if PAUSE in (wanted, spoken):
            return 3.0
        if (wanted in FLITE_VOWELS) != (spoken in FLITE_VOWELS):
            return 2.0
        if {wanted, spoken} <= FLITE_WEAK_VOWELS:
            return 0.3
        return 0.6 if wanted in FLITE_VOWELS else 1.2


def _unit(phone: str, start: int, stop: int) -> Unit:
    """A unit that may be missing from the speech if it is a space or punctuation."""
    if phone == " ":
        return Unit(PAUSE, start, stop, skip_cost=0.1)
    if phone in PUNCTUATION:
        return Unit(PAUSE, start, stop, skip_cost=0.3)
    return Unit(phone, start, stop)


def _split(ipa: str, start_s: float, end_s: float) -> list[Segment]:
    """One segment for each code point of an espeak phoneme. An empty name is a pause."""
    points = [c for c in unicodedata.normalize("NFD", ipa) if c not in STRESS_MARKS] or [PAUSE]
    if end_s <= start_s:
        return []
    edges = np.linspace(start_s, end_s, len(points) + 1)
    return [
        Segment(point, float(a), float(b))
        for point, a, b in zip(points, edges[:-1], edges[1:], strict=True)
    ]


def teacher_of(name: str) -> Teacher:
    """The teacher with a name such as "espeak:nl", "espeak:nl+f2" or "flite:slt"."""
    kind, _, voice = name.partition(":")
    if kind == "espeak":
        plain, _, variant = voice.partition("+")
        return EspeakTeacher(plain, variant)
    if kind == "flite":
        return FliteTeacher(voice)
    raise ValueError(f"unknown teacher {name!r}: write espeak:VOICE or flite:VOICE")
