"""Lessons: sentences as Piper's phoneme ids, how long each sounds, and what it sounds like."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP, phonemes_to_ids
from piper.phonemize_espeak import EspeakPhonemizer

from training.phrases import LANGUAGES, Language, pairs
from training.tatoeba import read_pairs
from training.voice.alignment import PAUSE, Unit, align
from training.voice.audio import (
    FRAME_SAMPLES,
    SAMPLE_RATE_HZ,
    Samples,
    at_speech_level,
)
from training.voice.features import Features, analyse
from training.voice.teachers import PUNCTUATION, Teacher

MAX_CHARACTERS: Final = 100
LEAD_S: Final = 0.03
FINAL_PAUSE_S: Final = 0.12
STRETCH_RANGE: Final = (0.65, 1.3)


@dataclass(frozen=True)
class Lesson:
    """One spoken sentence."""

    text: str
    ids: list[int]
    """T phoneme ids as Piper makes them."""
    frames: list[int]
    """T durations in frames of 10 ms."""
    stretch: float
    """How much slower than normal it was spoken."""
    features: Features
    """2 * sum(frames) subframes."""


def sentences(language: Language, text: Path | None, rng: random.Random) -> Iterator[str]:
    """Endless sentences: in turns of the phrase grammar and of the `text` file.

    `text` holds English and Dutch sentence pairs. A quarter of all sentences lose
    their final punctuation or end in a comma, as the clauses of live speech do.
    """
    side = LANGUAGES.index(language)
    real: list[str] = []
    if text is not None:
        real = [pair[side] for pair in read_pairs(text) if len(pair[side]) <= MAX_CHARACTERS]
    while True:
        composed = pairs(rng, 1, "train")[0][side]
        for sentence in (composed, rng.choice(real)) if real else (composed,):
            if rng.random() < 0.25:
                sentence = sentence.rstrip(PUNCTUATION) + rng.choice(["", ","])
            yield sentence


class School:
    """Makes lessons with one teacher."""

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher
        self._phonemizer = EspeakPhonemizer()

    def lesson(self, text: str, stretch: float) -> Lesson | None:
        """None where Piper's phonemes and the teacher's speech do not go together."""
        spoken = self._phonemizer.phonemize(self._teacher.espeak_voice, text)
        if len(spoken) != 1 or not spoken[0]:
            return None
        phonemes = spoken[0]
        if any(phoneme not in DEFAULT_PHONEME_ID_MAP for phoneme in phonemes):
            return None
        speech = self._teacher.speak(text, stretch)
        # The end of the sentence takes the final pause where there is no punctuation to take it.
        units = self._teacher.units(phonemes)
        units.append(Unit(PAUSE, len(phonemes), len(phonemes) + 1, skip_cost=0.2))
        timing = align(units, speech.segments, self._teacher.cost, len(phonemes) + 1)
        if timing is None:
            return None
        ids = phonemes_to_ids(phonemes)
        durations_s = np.zeros(len(ids))
        durations_s[0] = timing.lead_s
        durations_s[2::2] = timing.durations_s
        samples, durations_s = _trim(speech.samples, durations_s)
        ends = np.round(np.cumsum(durations_s) * SAMPLE_RATE_HZ / FRAME_SAMPLES).astype(int)
        wanted = int(ends[-1]) * FRAME_SAMPLES
        if wanted == 0:
            return None
        samples = np.pad(samples, (0, max(0, wanted - len(samples))))[:wanted]
        frames = np.diff(ends, prepend=0)
        return Lesson(text, ids, frames.tolist(), stretch, analyse(at_speech_level(samples)))


def _trim(samples: Samples, durations_s: Samples) -> tuple[Samples, Samples]:
    """Make the silences before and after a sentence short and equal: they delay the listener.

    `durations_s` is one for each id: the lead comes first, what is left at the end comes last.
    """
    durations_s = durations_s.copy()
    lead_s = min(LEAD_S, float(durations_s[0]))
    samples = samples[round((durations_s[0] - lead_s) * SAMPLE_RATE_HZ) :]
    durations_s[0] = lead_s
    loud = np.flatnonzero(np.abs(samples) > 0.003 * np.abs(samples).max())
    end_s = (loud[-1] / SAMPLE_RATE_HZ if len(loud) else 0.0) + FINAL_PAUSE_S
    missing_s = end_s - float(durations_s.sum())
    last = len(durations_s) - 1 if missing_s > 0 else int(np.flatnonzero(durations_s)[-1])
    durations_s[last] = max(0.02, durations_s[last] + missing_s)
    return samples, durations_s


def lessons(
    teacher: Teacher, texts: Iterator[str], minutes: float, rng: random.Random
) -> list[Lesson]:
    """`minutes` of speech, half of it at normal speed, half from fast to slow."""
    school = School(teacher)
    learnt: list[Lesson] = []
    seconds = refused = 0.0
    while seconds < minutes * 60:
        stretch = 1.0 if rng.random() < 0.5 else rng.uniform(*STRETCH_RANGE)
        lesson = school.lesson(next(texts), stretch)
        if lesson is None:
            refused += 1
            continue
        learnt.append(lesson)
        seconds += sum(lesson.frames) * FRAME_SAMPLES / SAMPLE_RATE_HZ
        if len(learnt) % 200 == 0:
            print(f"{seconds / 60:.1f} minutes of speech, {refused:.0f} sentences refused")
    return learnt
