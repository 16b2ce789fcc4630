"""Lessons: sentences as Piper's phoneme ids, the duration of each, and the features of the
speech."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from training.voice.audio import FRAME_SAMPLES, SAMPLE_RATE_HZ
from training.voice.features import ENVELOPE_FLOOR, Features

LEAD_S: Final = 0.03
FINAL_PAUSE_S: Final = 0.12
STRETCH_RANGE: Final = (0.65, 1.3)
FADE_SUBFRAMES: Final = 4
FRAMES_A_S: Final = SAMPLE_RATE_HZ // FRAME_SAMPLES


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


def cleaned(lesson: Lesson, silent: Sequence[bool]) -> Lesson:
    """Without the sound of the room between words: where an id is `silent`, all sound fades in 20
    ms."""
    mute = np.repeat(silent, 2 * np.array(lesson.frames))
    spoken, at = np.flatnonzero(~mute), np.arange(len(mute))
    if not len(spoken):
        return lesson
    following = spoken[np.minimum(np.searchsorted(spoken, at), len(spoken) - 1)]
    before = spoken[np.maximum(np.searchsorted(spoken, at, "right") - 1, 0)]
    away = np.minimum(np.abs(following - at), np.abs(at - before))
    fade = np.minimum(away / FADE_SUBFRAMES, 1)[:, None].astype(np.float32)
    old = lesson.features
    envelope = old.envelope * (1 - fade) + np.float32(ENVELOPE_FLOOR) * fade
    f0_hz = np.where(mute, np.float32(0), old.f0_hz)
    return replace(lesson, features=replace(old, envelope=envelope, f0_hz=f0_hz))


def trimmed(lesson: Lesson, silent: Sequence[bool]) -> Lesson:
    """With short and equal silences before and after, because silence delays the listener.

    The first id has the silence before. The last id that has frames has the silence after, if
    `silent`.
    """
    frames = list(lesson.frames)
    last = max(n for n, count in enumerate(frames) if count)
    before = max(0, frames[0] - round(LEAD_S * FRAMES_A_S))
    after = max(0, frames[last] - round(FINAL_PAUSE_S * FRAMES_A_S)) if silent[last] else 0
    frames[0] -= before
    frames[last] -= after
    kept = slice(2 * before, 2 * (sum(lesson.frames) - after))
    old = lesson.features
    features = Features(old.f0_hz[kept], old.envelope[kept], old.aperiodicity[kept])
    return replace(lesson, frames=frames, features=features)


def stretched(lesson: Lesson, stretch: float) -> Lesson:
    """The same, spoken `stretch` times as slowly, at the same pitch."""
    ends = np.round(np.cumsum(lesson.frames) * stretch).astype(int)
    frames = np.diff(ends, prepend=0).tolist()
    old = lesson.features
    at = (np.arange(2 * int(ends[-1])) + 0.5) * len(old.f0_hz) / (2 * ends[-1]) - 0.5
    low = np.clip(np.floor(at).astype(int), 0, len(old.f0_hz) - 1)
    high = np.minimum(low + 1, len(old.f0_hz) - 1)
    share = np.clip(at - low, 0, 1).astype(np.float32)[:, None]
    near = np.where(share[:, 0] < 0.5, low, high)  # never mix voiced and unvoiced pitch
    features = Features(
        old.f0_hz[near],
        old.envelope[low] * (1 - share) + old.envelope[high] * share,
        old.aperiodicity[low] * (1 - share) + old.aperiodicity[high] * share,
    )
    return Lesson(lesson.text, lesson.ids, frames, stretch, features)
