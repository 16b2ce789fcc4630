"""Words heard find the sentences that they belong to."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest

from tools.evaluate.alignment import Aligned, Expected, align

SENTENCES = [
    Expected("we drink coffee in the garden".split(), 0.0, 3.0),
    Expected("the lecture starts at ten".split(), 4.0, 6.0),
    Expected("you can buy tickets here".split(), 7.0, 9.0),
]


class Heard(NamedTuple):
    text: str
    start_s: float
    end_s: float


def heard(text: str, start_s: float) -> list[Heard]:
    """Three words a second."""
    return [
        Heard(word, start_s + place / 3, start_s + (place + 0.9) / 3)
        for place, word in enumerate(text.split())
    ]


def sentences_of(words: Sequence[Heard], expected: Sequence[Expected] = SENTENCES) -> list[int]:
    return [each.sentence for each in align(words, expected)]


def test_identical_words_are_aligned() -> None:
    words = heard("the lecture starts at ten", 6)
    assert align(words, SENTENCES) == [Aligned(1, place, 1.0) for place in range(5)]


def test_no_words_are_aligned_with_a_sentence_that_was_not_heard() -> None:
    words = heard("we drink coffee in the garden", 2) + heard("you can buy tickets here", 9)
    assert sentences_of(words) == [0] * 6 + [2] * 5


def test_a_similar_word_is_aligned() -> None:
    found = align(heard("you can buy ticket here", 9), SENTENCES)[3]
    assert (found.sentence, found.word) == (2, 3)
    assert 0.5 < found.alike < 1


def test_a_dissimilar_word_belongs_to_the_sentence_of_its_neighbours_in_time() -> None:
    words = heard("the lecture starts", 6) + heard("now you can buy tickets here", 9)
    assert sentences_of(words) == [1] * 3 + [2] * 6
    words = heard("the lecture starts now", 6) + heard("you can buy tickets here", 9)
    assert sentences_of(words) == [1] * 4 + [2] * 5


def test_no_word_is_aligned_with_a_later_sentence() -> None:
    assert 2 not in sentences_of(heard("you can buy", 5))
    assert sentences_of(heard("you can buy", 5), SENTENCES[2:]) == [-1, -1, -1]


def test_a_repeated_sentence_is_aligned_by_time() -> None:
    again = [SENTENCES[0], Expected(SENTENCES[0].words, 10.0, 13.0)]
    assert sentences_of(heard("we drink coffee", 12), again) == [1] * 3


def test_ambiguous_words_are_aligned_by_the_usual_lag() -> None:
    one = Expected("something else altogether now".split(), 4.0, 5.4)
    other = Expected("rather large wooden doors".split(), 5.6, 7.0)
    last = Expected("you can buy tickets here".split(), 10.0, 12.0)
    # Each about two seconds after it is said; what is in between is heard while "other" is said.
    words = (
        heard("we drink coffee in the garden", 2.5)
        + heard("pff zij hm uh", 5.9)
        + heard("you can buy tickets here", 12)
    )
    assert sentences_of(words, [SENTENCES[0], one, other, last]) == [0] * 6 + [1] * 4 + [3] * 5


@pytest.mark.parametrize(("words", "expected"), [([], SENTENCES), (heard("you", 9), []), ([], [])])
def test_without_expected_words_nothing_is_aligned(
    words: list[Heard], expected: list[Expected]
) -> None:
    assert sentences_of(words, expected) == [-1] * len(words)
