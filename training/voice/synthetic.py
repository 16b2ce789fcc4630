"""Makes lessons with a synthesizer, which gives the time of each of its phones."""

import random
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP, phonemes_to_ids
from piper.phonemize_espeak import EspeakPhonemizer
from tqdm import tqdm

from training.voice.alignment import PAUSE, Unit, align
from training.voice.analysis import analyse
from training.voice.audio import (
    FRAME_SAMPLES,
    SAMPLE_RATE_HZ,
    Samples,
    at_speech_level,
)
from training.voice.lessons import FINAL_PAUSE_S, LEAD_S, STRETCH_RANGE, Lesson
from training.voice.teachers import EspeakTeacher, Teacher

VARIANTS: Final = ("", "f2", "m3", "f4")


class School:
    """Makes lessons with one teacher."""

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher
        self._phonemizer = EspeakPhonemizer()

    def lesson(self, text: str, stretch: float) -> Lesson | None:
        """A lesson; None if Piper's phonemes and the teacher's speech differ too much."""
        spoken = self._phonemizer.phonemize(self._teacher.espeak_voice, text)
        if len(spoken) != 1 or not spoken[0]:
            return None
        phonemes = spoken[0]
        if any(phoneme not in DEFAULT_PHONEME_ID_MAP for phoneme in phonemes):
            return None
        speech = self._teacher.speak(text, stretch)
        # If there is no final punctuation, the end of the sentence gets the final pause.
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
    """Make the silences before and after a sentence short and equal, because silence delays the
    listener.

    `durations_s`: one for each id. The silence before comes first, the one after last.
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


def varied_lessons(
    espeak_voice: str,
    texts: Iterator[str],
    minutes: float,
    rng: random.Random,
    variants: Sequence[str] = VARIANTS,
) -> list[Lesson]:
    """`minutes` of speech by several of espeak-ng's voices, for training the aligner."""
    made = [
        lessons(EspeakTeacher(espeak_voice, variant), texts, minutes / len(variants), rng)
        for variant in variants
    ]
    return [lesson for each in zip(*made, strict=False) for lesson in each]


def lessons(
    teacher: Teacher, texts: Iterator[str], minutes: float, rng: random.Random
) -> list[Lesson]:
    """`minutes` of speech, half of it at normal speed, half from fast to slow."""
    school = School(teacher)
    learnt: list[Lesson] = []
    seconds = 0.0
    refused = 0
    total_s = round(60 * minutes)
    with tqdm(total=total_s, unit="s", desc="lessons") as bar:
        while seconds < minutes * 60:
            stretch = 1.0 if rng.random() < 0.5 else rng.uniform(*STRETCH_RANGE)
            lesson = school.lesson(next(texts), stretch)
            if lesson is None:
                refused += 1
                continue
            learnt.append(lesson)
            length_s = sum(lesson.frames) * FRAME_SAMPLES / SAMPLE_RATE_HZ
            seconds += length_s
            bar.update(min(round(seconds), total_s) - bar.n)
    print(f"{len(learnt)} sentences; {refused} refused: phonemes and speech did not go together")
    return learnt
