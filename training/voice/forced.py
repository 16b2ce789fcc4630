"""Forced alignment: finds where each sound of a known sentence begins in a recording.

Given the likelihood of each sound in each frame (from a network, for instance), it finds the
likeliest path through the sentence (Viterbi). Imports no PyTorch.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from training.voice.alignment import PAUSE

LogLikelihoods = npt.NDArray[np.float32]
"""[frames, labels]."""

# Piper's phonemes that are no separate sounds.
STRESS_MARKS: Final = "ˈˌ-'\u203f"
PUNCTUATION: Final = ".,;:!?"
LENGTH_MARKS: Final = "ːˑ"
LEAST_FRAMES: Final = 3
LEAST_PAUSE_FRAMES: Final = 3


@dataclass(frozen=True)
class Sound:
    """Phonemes start..stop of a sentence that are one sound, such as a vowel and its length
    mark."""

    label: str
    start: int
    stop: int

    @property
    def optional(self) -> bool:
        return self.label == PAUSE

    @property
    def least_frames(self) -> int:
        return LEAST_PAUSE_FRAMES if self.optional else LEAST_FRAMES


def sounds(phonemes: Sequence[str]) -> list[Sound]:
    """The sounds of a sentence, with a pause before and after it and at each space and mark.

    Stress marks belong to no sound. Of several marks and spaces in a row, the first gets the pause.
    The first sound is phoneme 0..0 (none: before the sentence); the last one begins after the last
    phoneme.
    """
    found = [Sound(PAUSE, 0, 0)]
    for index, phoneme in enumerate(phonemes):
        if phoneme in STRESS_MARKS:
            continue
        if phoneme == " " or phoneme in PUNCTUATION:
            if not found[-1].optional:
                found.append(Sound(PAUSE, index, index + 1))
        elif _belongs_to_the_one_before(phoneme) and found[-1].stop == index and index:
            before = found.pop()
            found.append(Sound(before.label + phoneme, before.start, index + 1))
        else:
            found.append(Sound(phoneme, index, index + 1))
    if not found[-1].optional or len(found) == 1:
        found.append(Sound(PAUSE, len(phonemes), len(phonemes) + 1))
    return found


def _belongs_to_the_one_before(phoneme: str) -> bool:
    return phoneme in LENGTH_MARKS or unicodedata.combining(phoneme) != 0


def viterbi(likelihoods: LogLikelihoods, labels: Sequence[int], said: Sequence[Sound]) -> list[int]:
    """The number of frames of each sound in `said`. `labels`: their columns in `likelihoods`.

    They add up to all frames. Optional sounds may have none, the others have their minimum or more.
    Empty if the recording is too short for that.
    """
    state_sound = [n for n, sound in enumerate(said) for _ in range(sound.least_frames)]
    first = [n == 0 or state_sound[n - 1] != sound for n, sound in enumerate(state_sound)]
    count = len(state_sound)
    # A state follows itself, the state before, or, after an optional sound, the end of the sound
    # before that.
    jump_from = np.full(count, -1)
    for n, sound in enumerate(state_sound):
        if first[n] and sound >= 2 and said[sound - 1].optional:
            jump_from[n] = n - said[sound - 1].least_frames - 1
    may_jump = jump_from >= 0
    columns = np.array(labels)[state_sound]
    score = np.full(count, -np.inf)
    score[0] = 0.0
    if said[0].optional and len(said) > 1:
        score[said[0].least_frames] = 0.0
    score += likelihoods[0, columns]
    step = np.zeros((len(likelihoods), count), np.int8)
    for t in range(1, len(likelihoods)):
        options = np.full((3, count), -np.inf)
        options[0] = score
        options[1, 1:] = score[:-1]
        options[2, may_jump] = score[jump_from[may_jump]]
        step[t] = options.argmax(0)
        score = options.max(0) + likelihoods[t, columns]
    ends = [count - 1]
    if said[-1].optional:
        ends.append(count - 1 - said[-1].least_frames)
    state = max(ends, key=lambda n: float(score[n]))
    if not np.isfinite(score[state]):
        return []
    frames = [0] * len(said)
    for t in range(len(likelihoods) - 1, -1, -1):
        frames[state_sound[state]] += 1
        move = step[t, state]
        state = state if move == 0 else state - 1 if move == 1 else int(jump_from[state])
    return frames


def frames_of_phonemes(said: Sequence[Sound], frames: Sequence[int], phonemes: int) -> list[int]:
    """[1 + phonemes + 1]: the frames before the sentence, of each phoneme, and after it."""
    shared = [0] * (phonemes + 2)
    shared[0] = frames[0]
    for sound, count in zip(said[1:], frames[1:], strict=True):
        edges = np.round(np.linspace(0, count, sound.stop - sound.start + 1)).astype(int)
        for index, part in enumerate(np.diff(edges)):
            shared[1 + sound.start + index] = int(part)
    return shared
