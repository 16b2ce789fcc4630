import numpy as np
import pytest

from training.voice.alignment import PAUSE
from training.voice.forced import (
    LEAST_FRAMES,
    LogLikelihoods,
    Sound,
    frames_of_phonemes,
    sounds,
    viterbi,
)

LABELS = {PAUSE: 0, "a": 1, "b": 2, "c": 3}


def heard(frames: str) -> LogLikelihoods:
    """As if each frame sounded like the label written for it."""
    likelihoods = np.full((len(frames), len(LABELS)), -5.0, np.float32)
    likelihoods[np.arange(len(frames)), [LABELS[label] for label in frames]] = 0.0
    return likelihoods


def aligned(text: str, frames: str) -> list[int]:
    said = sounds(list(text))
    return viterbi(heard(frames), [LABELS[sound.label] for sound in said], said)


def labels(phonemes: str) -> list[str]:
    return [sound.label for sound in sounds(list(phonemes))]


def test_each_sound_gets_the_frames_that_sound_like_it() -> None:
    assert aligned("abc", "||||aaaaabbbccccccc|||") == [4, 5, 3, 7, 3]


def test_speech_that_is_cut_close_has_no_pause_around_it() -> None:
    assert aligned("ab", "aaaabbbbb") == [0, 4, 5, 0]


def test_a_pause_between_words_is_found_where_there_is_one() -> None:
    assert aligned("a b", "aaaa||||bbbb") == [0, 4, 4, 4, 0]


def test_words_may_run_into_each_other() -> None:
    assert aligned("a b", "aaaabbbb") == [0, 4, 0, 4, 0]


def test_a_sound_that_is_hardly_heard_keeps_its_least() -> None:
    assert aligned("abc", "aaaaaaaacccccccc")[2] == LEAST_FRAMES


def test_all_frames_are_given_away() -> None:
    rng = np.random.default_rng(1)
    said = sounds(list("ab ca, cab"))
    likelihoods = rng.normal(size=(90, 4)).astype(np.float32)
    frames = viterbi(likelihoods, [LABELS[sound.label] for sound in said], said)
    assert sum(frames) == 90
    spoken = zip(frames, said, strict=True)
    assert all(count >= sound.least_frames for count, sound in spoken if not sound.optional)


def test_the_likeliest_way_is_found_not_the_greedy_one() -> None:
    likelihoods = heard("aaaabbbbaaaa")
    likelihoods[4:8] *= 0.1
    said = [Sound(PAUSE, 0, 0), Sound("a", 0, 1), Sound(PAUSE, 1, 2)]
    assert viterbi(likelihoods, [0, 1, 0], said) == [0, 12, 0]


def test_what_is_too_short_for_its_sounds_is_refused() -> None:
    assert aligned("abcabc", "aabbcc") == []


def test_stress_marks_are_no_sounds() -> None:
    assert labels("ˈa-b") == [PAUSE, "a", "b", PAUSE]


def test_length_marks_and_accents_belong_to_the_vowel_before() -> None:
    assert labels("aːɔ\u0303b") == [PAUSE, "aː", "ɔ\u0303", "b", PAUSE]


def test_marks_in_a_row_are_one_pause() -> None:
    assert labels("a, b.") == [PAUSE, "a", PAUSE, "b", PAUSE]


def test_a_mark_at_the_end_is_the_pause_there() -> None:
    assert len(sounds(list("ab."))) == len(sounds(list("ab")))


def test_nothing_said_is_a_pause_before_and_one_after() -> None:
    assert labels("") == [PAUSE, PAUSE]


@pytest.mark.parametrize("text", ["ab", "a b.", "aːˈb, c"])
def test_each_phoneme_has_its_share(text: str) -> None:
    said = sounds(list(text))
    frames = list(range(3, 3 + len(said)))
    shared = frames_of_phonemes(said, frames, len(text))
    assert len(shared) == len(text) + 2
    assert sum(shared) == sum(frames)
    assert shared[0] == frames[0]


def test_a_vowel_shares_its_frames_with_its_length_mark() -> None:
    assert frames_of_phonemes(sounds(list("aːb")), [1, 6, 4, 2], 3) == [1, 3, 3, 4, 2]
