import random

import pytest

from training.translation.odd import is_runaway, odd_inputs

SENTENCES = ["The train leaves at nine.", "Waar is het station?", "Tom has three cats."]


def test_odd_inputs_are_as_many_as_asked_and_the_same_again() -> None:
    made = odd_inputs(SENTENCES, 280, random.Random(1))
    assert len(made) == 280
    assert made == odd_inputs(SENTENCES, 280, random.Random(1))


def test_odd_inputs_hold_every_kind() -> None:
    made = odd_inputs(SENTENCES, 280, random.Random(1))
    assert any(not text.strip() for text in made)
    assert any(len(text) == 1 and text.isalpha() for text in made)
    assert any(text.isdecimal() for text in made)
    assert any(len(text.split()) == 200 for text in made)
    assert any("вокзал" in text for text in made)


@pytest.mark.parametrize(
    ("source", "translated"),
    [
        ("hallo", "hello " * 20),
        ("a b c d e f g h", "no no no no no no"),
        ("x", "I don't know what to do with it, and neither do you or anyone."),
        ("de het een", "the one the one the one the one"),
    ],
)
def test_what_goes_on_and_on_is_a_runaway(source: str, translated: str) -> None:
    assert is_runaway(source, translated)


@pytest.mark.parametrize(
    ("source", "translated"),
    [
        ("", ""),
        ("ja", "Yes."),
        ("nee nee nee nee nee", "No no no no no"),
        ("今日はいい天気ですね。", "The weather is nice today, is it not?"),
        ("Het is laat en ik ga naar huis.", "It is late and I am going home."),
        ("had had", "that that"),
    ],
)
def test_what_is_of_like_length_is_none(source: str, translated: str) -> None:
    assert not is_runaway(source, translated)
