"""Training speech as features on disk, in parts. Each part is made once, so an interrupted run
continues."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CalledProcessError

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from training import phrases
from training.espeak import Espeak
from training.recognizer import augment, features, frames, phones, speech
from training.recognizer.text import Draw

_PART_UTTERANCES = 400
_NO_SPEECH_SHARE = 0.02
_FLITE_SHARE = 0.2
_FLITE_COPIES = 3


@dataclass
class Utterance:
    """Unprocessed MFCC [frames, 40], float16, and a label for each frame
    (`frames.frame_labels`)."""

    cepstra: npt.NDArray[np.float16]
    labels: npt.NDArray[np.uint8]


def save(path: Path, utterances: list[Utterance]) -> None:
    """Write one part, atomically."""
    partial = path.with_suffix(".partial.npz")
    np.savez(
        partial,
        cepstra=np.concatenate([each.cepstra for each in utterances]),
        labels=np.concatenate([each.labels for each in utterances]),
        frames=np.array([len(each.labels) for each in utterances]),
    )
    partial.rename(path)


def load(paths: list[Path]) -> Iterator[Utterance]:
    """All utterances of some parts, in order."""
    for path in paths:
        with np.load(path) as part:
            ends = np.cumsum(part["frames"])[:-1]
            cepstra, labels = np.split(part["cepstra"], ends), np.split(part["labels"], ends)
            yield from map(Utterance, cepstra, labels)


def synthetic_parts(folder: Path, language: phrases.Language, data: Path, count: int) -> list[Path]:
    """`count` parts of synthetic speech in many voices. Those that are missing are made."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"synthetic-{number:03}.npz" for number in range(count)]
    missing = [path for path in paths if not path.exists()]
    if missing:
        speaker = Speaker(language, Draw(data, language))
        for path in tqdm(missing, desc="synthetic speech", unit="part"):
            save(path, speaker.part(int(path.stem[-3:])))
    return paths


class Speaker:
    """Speaks random sentences with espeak-ng, and flite for English."""

    def __init__(self, language: phrases.Language, draw: Draw) -> None:
        self._language = language
        self._draw = draw
        self._espeak = Espeak()
        self._phones = phones.phone_set(language)
        rng = random.Random(3)
        self._crowd = [self._babble(rng) for _ in range(12)]
        self.unreadable: Counter[str] = Counter()

    def part(self, number: int) -> list[Utterance]:
        """Part `number`, which is the same each time it is made."""
        rng, noise_rng = random.Random(number + 100), np.random.default_rng(number + 100)
        made: list[Utterance] = []
        while len(made) < _PART_UTTERANCES:
            if rng.random() < _NO_SPEECH_SHARE:
                sound = augment.no_speech(noise_rng, rng.uniform(2, 9))
                made.append(labelled(sound, [], 1.0, 0.0, self._phones))
                continue
            flite = self._language == "en" and rng.random() < _FLITE_SHARE / _FLITE_COPIES
            spoken = self._spoken(rng, flite)
            for _ in range(_FLITE_COPIES if flite and spoken else int(spoken is not None)):
                assert spoken
                crowd = rng.choice(self._crowd)
                heard = augment.as_heard(spoken.samples, spoken.rate_hz, noise_rng, crowd)
                made.append(labelled(heard[0], spoken.segments, *heard[1:], self._phones))
        return made

    def _spoken(self, rng: random.Random, flite: bool) -> speech.Spoken | None:
        text = self._draw.sentence(rng)
        try:
            if flite:
                voice = rng.choice(speech.FLITE_VOICES)
                return speech.flite(text, voice, rng.uniform(0.75, 1.4))
            voice = rng.choice(speech.ACCENTS[self._language]) + rng.choice(speech.VARIANTS)
            return speech.speak(self._espeak, text, voice, rng, (110, 250))
        except (KeyError, CalledProcessError, ValueError) as error:
            self.unreadable[repr(error)] += 1  # a phoneme of another language, or nothing to say
            return None

    def _babble(self, rng: random.Random) -> speech.Samples:
        """A recording of several voices at once, at 16 kHz."""
        voices: list[speech.Samples] = []
        while len(voices) < 4:
            spoken = self._spoken(rng, flite=False)
            if spoken and len(spoken.samples) > 2 * spoken.rate_hz:
                voices.append(augment.resample(spoken.samples, spoken.rate_hz, augment.RATE_HZ))
        shortest = min(map(len, voices))
        total = np.sum([voice[:shortest] for voice in voices[: rng.randint(1, 4)]], axis=0)
        return np.asarray(total)


def labelled(
    samples: speech.Samples,
    segments: list[speech.Segment],
    stretch: float,
    lead_s: float,
    phone_set: tuple[str, ...],
) -> Utterance:
    """Features and labels of 16 kHz audio. For the two numbers see `augment.as_heard`."""
    return labelled_cepstra(features.mfcc(samples), segments, stretch, lead_s, phone_set)


def labelled_cepstra(
    cepstra: frames.Features,
    segments: list[speech.Segment],
    stretch: float,
    lead_s: float,
    phone_set: tuple[str, ...],
) -> Utterance:
    """Like `labelled`, for given features."""
    labels = frames.frame_labels(segments, len(cepstra), stretch, lead_s, phone_set)
    return Utterance(cepstra.astype(np.float16), labels)
