"""Makes lessons from a person's recordings: finds each sound, equalises loudness, cleans
silences."""

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import av
import numpy as np
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP, phonemes_to_ids
from piper.phonemize_espeak import EspeakPhonemizer
from scipy.signal import butter, sosfiltfilt
from tqdm import tqdm

from training.voice.aligner import (
    EDGE_FRAMES,
    Aligner,
    Example,
    PhoneAligner,
    Recording,
    example_of,
)
from training.voice.analysis import analyse
from training.voice.audio import FRAME_SAMPLES, SAMPLE_RATE_HZ, Samples, at_speech_level
from training.voice.forced import PUNCTUATION, Sound, sounds
from training.voice.lessons import STRETCH_RANGE, Lesson, cleaned, stretched, trimmed
from training.voice.sentences import is_held_out

LONGEST_S: Final = 10.0
RUMBLE_HZ: Final = 50.0
WORST: Final = 0.03
"""This share of the recordings, where sounds and text fit worst, is left out."""
STEPS: Final = (800, 300, 300, 300)
"""Of training the aligner: on synthetic speech, then on the recordings as they were aligned."""


def read(folder: Path, espeak_voice: str, limit_s: float, seed: int) -> list[Recording]:
    """The recordings of `folder` (manifest.jsonl) that Piper would speak as one sentence."""
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    random.Random(seed).shuffle(rows)
    phonemizer = EspeakPhonemizer()
    found: list[Recording] = []
    seconds = 0.0
    for row in tqdm(rows, desc=folder.name):
        spoken = phonemizer.phonemize(espeak_voice, row["text"])
        if row["seconds"] > LONGEST_S or len(spoken) != 1 or not spoken[0]:
            continue
        if any(phoneme not in DEFAULT_PHONEME_ID_MAP for phoneme in spoken[0]):
            continue
        if seconds >= limit_s:
            break
        seconds += row["seconds"]
        samples = prepared(decode(folder / row["file"]))
        found.append(Recording(folder / row["file"], row["text"], spoken[0], analyse(samples)))
    return found


def decode(path: Path) -> Samples:
    """Decode to mono at SAMPLE_RATE_HZ, full scale 1.0."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
    with av.open(str(path)) as container:
        frames = [*container.decode(audio=0), None]
        parts = [part.to_ndarray()[0] for each in frames for part in resampler.resample(each)]
    return np.concatenate(parts).astype(np.float64)


def prepared(samples: Samples) -> Samples:
    """Without rumble, at one loudness, a whole number of frames long. Clips are cut closely, so
    silence is added before and after."""
    filters = butter(2, RUMBLE_HZ, "highpass", fs=SAMPLE_RATE_HZ, output="sos")
    level = at_speech_level(np.asarray(sosfiltfilt(filters, samples)))
    whole = -len(level) % FRAME_SAMPLES
    edge = EDGE_FRAMES * FRAME_SAMPLES
    return np.pad(level, (edge, whole + edge))


def lesson_of(recording: Recording, aligner: Aligner) -> tuple[Lesson, float] | None:
    """The lesson, and how well sounds and text fit; None if they do not."""
    found = aligner(recording)
    if found is None:
        return None
    ids = phonemes_to_ids(recording.phonemes)
    frames, silent = [0] * len(ids), [False] * len(ids)
    frames[0], silent[0] = found.frames[0], True
    frames[2::2] = found.frames[1:]
    silent[2::2] = [*(phoneme in f" {PUNCTUATION}" for phoneme in recording.phonemes), True]
    lesson = Lesson(recording.text, ids, frames, 1.0, recording.features)
    return trimmed(cleaned(lesson, silent), silent), found.score


def aligner_for(
    known: Sequence[Lesson], heard: Sequence[Recording], steps: Sequence[int], seed: int
) -> PhoneAligner:
    """An aligner that learnt from lessons with known times, and then from `heard` itself."""
    taught = [example_of(lesson) for lesson in known]
    said = [sounds(recording.phonemes) for recording in heard]
    labels = {sound.label for each in [*said, *(one.said for one in taught)] for sound in each}
    aligner = PhoneAligner(labels)
    right = aligner.learn(taught, steps[0], seed)
    print(f"aligner: {right:.1%} of the frames of spoilt synthetic speech heard right")
    for number, further in enumerate(steps[1:], 1):
        own = list(_examples(aligner, heard, said))
        right = aligner.learn(own + taught[: len(own) // 3], further, seed + number)
        print(f"aligner: round {number}, {len(own)} recordings, {right:.1%} as aligned")
    return aligner


def _examples(
    aligner: PhoneAligner, heard: Sequence[Recording], said: Sequence[list[Sound]]
) -> Iterator[Example]:
    for recording, each in zip(heard, said, strict=True):
        found = aligner.frames(recording.features, each)
        if found is not None:
            yield Example(recording.features, each, found[0])


def lessons_of(heard: Sequence[Recording], aligner: Aligner, seed: int) -> list[Lesson]:
    """Two lessons of each recording: at its own speed, and slower or faster."""
    made = [found for each in heard if (found := lesson_of(each, aligner)) is not None]
    least = float(np.quantile([score for _, score in made], WORST))
    rng = random.Random(seed)
    kept = [lesson for lesson, score in made if score >= least]
    return [*kept, *(stretched(lesson, rng.uniform(*STRETCH_RANGE)) for lesson in kept)]


def divided(made: list[Lesson]) -> tuple[list[Lesson], list[Lesson]]:
    """The lessons to learn from, and those of held-out sentences at their own speed."""
    unseen = [one for one in made if is_held_out(one.text) and one.stretch == 1.0]
    return [one for one in made if not is_held_out(one.text)], unseen
