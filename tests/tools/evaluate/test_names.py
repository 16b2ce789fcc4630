from collections import Counter

from tools.evaluate.names import FIGURES, PEOPLE, PLACES, cases


def test_there_are_two_hundred_distinct_cases() -> None:
    assert len(set(cases())) == 200


def test_the_name_or_figure_is_in_both_languages() -> None:
    for english, dutch, value in cases():
        assert value in english
        assert value in dutch


def test_every_name_and_figure_is_used_equally_often() -> None:
    asked = Counter(value for _, _, value in cases())
    assert {asked[name] for name in PEOPLE} == {4}
    assert {asked[name] for name in PLACES} == {2}
    assert {asked[figures] for figures in FIGURES} == {5}
