import random

import pytest

from training import phrases


def test_the_same_seed_gives_the_same_sentences() -> None:
    assert phrases.pairs(random.Random(3), 50) == phrases.pairs(random.Random(3), 50)


def test_sentences_are_complete_in_both_languages() -> None:
    for english, dutch in phrases.pairs(random.Random(1), 2000):
        for text in (english, dutch):
            assert "$" not in text
            assert text[0].isupper()
            assert text[-1] in ".?"
            assert 1 <= len(phrases.normalise(text).split()) <= 14


def test_parts_never_share_a_sentence() -> None:
    rng = random.Random(2)
    train = {english for english, _ in phrases.pairs(rng, 3000, "train")}
    held_out = {english for english, _ in phrases.pairs(rng, 300, "held-out")}
    dev = {english for english, _ in phrases.pairs(rng, 300, "dev")}
    assert not train & held_out
    assert not train & dev
    assert not dev & held_out


def test_a_sentence_has_one_translation() -> None:
    english_to_dutch: dict[str, str] = {}
    dutch_to_english: dict[str, str] = {}
    for english, dutch in phrases.pairs(random.Random(4), 5000):
        assert english_to_dutch.setdefault(english, dutch) == dutch
        assert dutch_to_english.setdefault(dutch, english) == english


@pytest.mark.parametrize("side", [0, 1])
def test_the_vocabulary_holds_every_word(side: int) -> None:
    vocabulary = set(phrases.vocabulary(phrases.LANGUAGES[side]))
    said = {
        word
        for pair in phrases.pairs(random.Random(5), 5000)
        for word in phrases.normalise(pair[side]).split()
    }
    assert said <= vocabulary
    assert 250 <= len(vocabulary) <= 500


def test_normalise_writes_as_a_recogniser_does() -> None:
    assert phrases.normalise("It's nine o'clock, isn’t it?") == "it's nine o'clock isn't it"
    assert phrases.normalise("Foto's: één, twéé!") == "foto's één twéé"
