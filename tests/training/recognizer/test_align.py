import numpy as np
import pytest

from training.recognizer.align import OUTPUT_S, align

PHONES = ("SIL", "A", "B", "C")


def scores(*outputs: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Log-probabilities of a network that is nearly sure of one output at each moment."""
    rows = np.full((len(outputs), 2 * len(PHONES)), -5.0, np.float32)
    rows[np.arange(len(outputs)), outputs] = -0.1
    return rows


def test_phones_begin_where_the_network_says() -> None:
    found, fit = align(scores(0, 1, 2, 3, 3, 4, 1, 6, 7), [[("A", "B")], [("C",)]], PHONES)
    assert [(each.phone, each.word) for each in found] == [
        ("SIL", -1), ("A", 0), ("B", 0), ("C", 1),
    ]  # fmt: skip
    assert [round(each.start_s / OUTPUT_S) for each in found] == [0, 2, 5, 7]
    assert fit == pytest.approx((8 * -0.1 - 5) / 9)


def test_silence_between_words_is_found_where_there_is_some() -> None:
    found, _ = align(scores(2, 0, 1, 4, 5), [[("A",)], [("B",)]], PHONES)
    assert [each.phone for each in found] == ["A", "SIL", "B"]


def test_of_two_pronunciations_the_one_that_was_said_is_chosen() -> None:
    found, _ = align(scores(2, 3, 6, 7), [[("A", "B"), ("A", "C")]], PHONES)
    assert [each.phone for each in found] == ["A", "C"]


def test_the_same_phone_twice_is_two_segments() -> None:
    found, _ = align(scores(2, 3, 2, 3), [[("A",)], [("A",)]], PHONES)
    assert [(each.phone, each.word) for each in found] == [("A", 0), ("A", 1)]


def test_sound_too_short_for_its_words_is_told() -> None:
    with pytest.raises(ValueError, match="too short"):
        align(scores(2, 4), [[("A", "B", "C")]], PHONES)


def test_a_word_without_pronunciation_is_told() -> None:
    with pytest.raises(ValueError, match="word 1"):
        align(scores(2, 4), [[("A",)], []], PHONES)
