"""Where segments end, apart from what ``test_segmenter`` shows."""

from dataclasses import replace

from server.bus.messages import RATE_HZ
from server.interpretation.policies import (
    NUMBER_PAUSE_SAMPLES,
    PAUSE_SAMPLES,
    Bounded,
    Breath,
    Heard,
)
from server.interpretation.types import Word

WORD = RATE_HZ // 4
LONG = 100 * RATE_HZ


def heard(count: int, agreed: int, pause_before: int = -1, quiet: int = 0) -> Heard:
    """So many words, one after the other but for a pause before one of them; no joints."""
    words = []
    for i in range(count):
        start = i * WORD + (PAUSE_SAMPLES if 0 <= pause_before <= i else 0)
        words.append(Word(f"w{i}", start, start + WORD))
    return Heard(tuple(words), agreed, (), (), quiet)


def test_a_segment_that_grows_too_long_is_cut_at_a_pause() -> None:
    policy = Bounded(max_words=10, max_samples=LONG)
    assert policy.cut(heard(12, 12, pause_before=7)) == 7
    assert policy.cut(heard(12, 12)) == 6  # no pause: evenly


def test_a_segment_is_not_cut_at_a_pause_near_its_beginning() -> None:
    assert Bounded(max_words=10, max_samples=LONG).cut(heard(12, 12, pause_before=2)) == 6


def test_a_word_longer_than_a_segment_is_a_segment() -> None:
    policy = Bounded(max_words=10, max_samples=WORD // 2)
    assert policy.cut(heard(3, 3)) == 1


def test_in_a_pause_words_that_may_change_are_waited_for() -> None:
    policy = Breath(max_words=10, max_samples=LONG)
    assert policy.cut(heard(4, 3, quiet=PAUSE_SAMPLES)) == 0
    assert policy.cut(heard(4, 4, quiet=PAUSE_SAMPLES)) == 4
    assert policy.cut(heard(4, 4, quiet=PAUSE_SAMPLES - 1)) == 0


def test_a_number_with_a_short_pause_in_it_is_not_cut() -> None:
    policy = Breath(max_words=10, max_samples=LONG)
    in_number = replace(heard(4, 4, quiet=PAUSE_SAMPLES), in_number=True)
    assert policy.cut(in_number) == 0
    assert policy.cut(replace(in_number, quiet_samples=NUMBER_PAUSE_SAMPLES)) == 4
