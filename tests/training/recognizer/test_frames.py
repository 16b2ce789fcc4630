import numpy as np
import pytest

from training.recognizer.frames import CEPSTRA, frame_labels, outputs_of, subtract_mean
from training.recognizer.speech import Segment

PHONES = ("SIL", "A", "B")
OVERALL = np.full(CEPSTRA, 2.0, np.float32)


def spectra(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.random.default_rng(0).normal(5, 1, (count, CEPSTRA)).astype(np.float32)


def test_the_first_frame_is_measured_against_the_overall_mean() -> None:
    heard = spectra(1)
    expected = heard[0] - (heard[0] + 200 * OVERALL) / 201
    assert subtract_mean(heard, OVERALL)[0] == pytest.approx(expected, abs=1e-4)


def test_after_six_seconds_only_what_was_heard_counts() -> None:
    heard = spectra(900)
    expected = heard[800] - heard[201:801].mean(0)
    assert subtract_mean(heard, OVERALL)[800] == pytest.approx(expected, abs=1e-4)


def test_what_was_heard_before_goes_on_counting() -> None:
    heard = spectra(900)
    whole = subtract_mean(heard, OVERALL)[700:]
    assert subtract_mean(heard[700:], OVERALL, heard[:700]) == pytest.approx(whole, abs=1e-4)


def test_a_louder_voice_is_the_same_in_the_end() -> None:
    heard = spectra(900)
    louder = subtract_mean(heard + 7, OVERALL)[700:]
    assert louder == pytest.approx(subtract_mean(heard, OVERALL)[700:], abs=1e-4)


def test_a_phone_enters_once_and_goes_on() -> None:
    said = [Segment("A", 0.1, 0), Segment("B", 0.2, 0)]
    labels = frame_labels(said, 40, 1.0, 0.0, PHONES)
    outputs = outputs_of(labels[::3]).tolist()
    assert outputs == [0, 1, 1, 2, 3, 3, 3, 4, *[5] * 6]


def test_times_are_stretched_and_put_off() -> None:
    labels = frame_labels([Segment("A", 0.1, 0)], 100, 2.0, 0.3, PHONES)
    assert (labels > 1).argmax() == round(100 * (2 * 0.1 + 0.3 - 0.0125))


def test_the_same_phone_twice_enters_twice() -> None:
    labels = frame_labels([Segment("A", 0.1, 0), Segment("A", 0.2, 1)], 40, 1.0, 0.0, PHONES)
    assert (outputs_of(labels[::3]) == 2).sum() == 2


def test_nothing_said_is_silence() -> None:
    assert not outputs_of(frame_labels([], 30, 1.0, 0.0, PHONES))[1:].clip(1).any() - 1
