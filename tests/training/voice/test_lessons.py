import numpy as np
import pytest

from training.voice.features import ENVELOPE_FLOOR, ENVELOPE_POINTS, Features
from training.voice.lessons import (
    FADE_SUBFRAMES,
    FINAL_PAUSE_S,
    FRAMES_A_S,
    LEAD_S,
    Lesson,
    cleaned,
    stretched,
    trimmed,
)

FRAMES = [20, 0, 30, 0, 10, 0, 15, 0, 40]
SILENT = [True, False, False, False, True, False, False, False, True]


@pytest.fixture
def lesson() -> Lesson:
    """Half a second of silence in all, around and between two sounds; a level of its own for
    every subframe."""
    subframes = 2 * sum(FRAMES)
    level = np.linspace(-3, -2, subframes, dtype=np.float32)
    features = Features(
        np.full(subframes, 120, np.float32),
        np.repeat(level[:, None], ENVELOPE_POINTS, 1),
        np.zeros((subframes, 5), np.float32),
    )
    return Lesson("text", list(range(len(FRAMES))), FRAMES, 1.0, features)


def test_pauses_fade_to_nothing(lesson: Lesson) -> None:
    level = cleaned(lesson, SILENT).features.envelope[:, 0]
    pause = level[2 * 50 : 2 * 60]
    assert (pause[FADE_SUBFRAMES:-FADE_SUBFRAMES] == np.float32(ENVELOPE_FLOOR)).all()
    assert (np.diff(pause[:FADE_SUBFRAMES]) < 0).all()


def test_what_is_spoken_is_left_alone(lesson: Lesson) -> None:
    found = cleaned(lesson, SILENT).features
    for part in (slice(2 * 20, 2 * 50), slice(2 * 60, 2 * 75)):
        assert (found.envelope[part] == lesson.features.envelope[part]).all()
        assert (found.f0_hz[part] == 120).all()


def test_a_pause_has_no_pitch(lesson: Lesson) -> None:
    assert not cleaned(lesson, SILENT).features.f0_hz[2 * 50 : 2 * 60].any()


def test_silence_around_a_sentence_is_cut_to_what_all_have(lesson: Lesson) -> None:
    found = trimmed(lesson, SILENT)
    assert found.frames[0] == round(LEAD_S * FRAMES_A_S)
    assert found.frames[-1] == round(FINAL_PAUSE_S * FRAMES_A_S)
    assert found.frames[1:-1] == lesson.frames[1:-1]
    assert len(found.features.envelope) == 2 * sum(found.frames)


def test_what_is_cut_is_cut_from_the_ends(lesson: Lesson) -> None:
    found = trimmed(lesson, SILENT)
    first = found.features.envelope[2 * found.frames[0], 0]
    assert first == lesson.features.envelope[2 * lesson.frames[0], 0]


def test_a_last_sound_that_is_held_is_no_silence(lesson: Lesson) -> None:
    assert trimmed(lesson, [*SILENT[:-1], False]).frames[-1] == FRAMES[-1]


@pytest.mark.parametrize("stretch", [0.65, 1.0, 1.3])
def test_a_stretched_lesson_is_longer_in_all_its_parts(lesson: Lesson, stretch: float) -> None:
    found = stretched(lesson, stretch)
    assert sum(found.frames) == pytest.approx(stretch * sum(lesson.frames), abs=1)
    assert found.frames == pytest.approx([stretch * count for count in FRAMES], abs=1)
    assert len(found.features.envelope) == 2 * sum(found.frames)
    assert found.stretch == stretch


def test_a_stretched_lesson_sounds_the_same_at_the_same_place(lesson: Lesson) -> None:
    found = stretched(lesson, 1.3).features.envelope[:, 0]
    at = np.linspace(0, 1, 9)[1:-1]
    old = lesson.features.envelope[:, 0]
    expected = [old[int(place * len(old))] for place in at]
    assert [found[int(place * len(found))] for place in at] == pytest.approx(expected, abs=0.01)


def test_pitch_is_never_halfway_to_none(lesson: Lesson) -> None:
    found = stretched(cleaned(lesson, SILENT), 0.8).features.f0_hz
    assert set(found.tolist()) == {0.0, 120.0}
