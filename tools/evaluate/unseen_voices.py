"""Test sentences in synthetic voices that no recogniser was trained on, clean and with noise."""

import random
from collections.abc import Iterator, Sequence

import numpy as np

from tools.evaluate.material import RATE_HZ, Clip, Language
from training.espeak import Espeak
from training.recognizer import augment, speech

#: Silence before and after each sentence.
LEAD_SAMPLES, TAIL_SAMPLES = round(0.3 * RATE_HZ), round(0.4 * RATE_HZ)
WORDS_PER_MINUTE = (120, 205)
PEAK_DBFS = -9.0


def by_espeak(texts: Sequence[str], language: Language) -> Iterator[Clip]:
    """``texts`` by espeak-ng, each in a voice variant that is reserved for tests."""
    espeak, rng = Espeak(), random.Random(23)
    for text in texts:
        voice = rng.choice(speech.ACCENTS[language]) + rng.choice(speech.UNSEEN_VARIANTS)
        spoken = espeak.synthesise(
            text,
            voice,
            words_per_minute=rng.randint(*WORDS_PER_MINUTE),
            pitch=rng.randint(20, 85),
            pitch_range=rng.randint(20, 90),
        )
        yield _clip(text, spoken.samples.astype(np.float64), spoken.rate_hz)


def by_flite(texts: Sequence[str]) -> Iterator[Clip]:
    """English ``texts`` by the voice of flite that is reserved for tests."""
    for text in texts:
        spoken = speech.flite(text, speech.UNSEEN_FLITE_VOICE)
        yield _clip(text, spoken.samples, spoken.rate_hz)


def in_a_noisy_room(clips: Sequence[Clip]) -> Iterator[Clip]:
    """The clips in a room with noise, through Opus."""
    rng = np.random.default_rng(5)
    for text, pcm in clips:
        heard = augment.noisy_room_and_opus(pcm.astype(np.float64), rng)
        yield Clip(text, np.clip(np.round(heard), -32768, 32767).astype(np.int16))


def _clip(text: str, samples: speech.Samples, rate_hz: int) -> Clip:
    padded = np.pad(augment.resample(samples, rate_hz, RATE_HZ), (LEAD_SAMPLES, TAIL_SAMPLES))
    return Clip(text, augment.at_level(padded, PEAK_DBFS).astype(np.int16))
