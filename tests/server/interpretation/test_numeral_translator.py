"""Numbers around a translation model: it sees signs, and its translation has the numbers."""

import pytest

from server.interpretation.numeral_translator import NumeralTranslator


class Copying:
    """Stands for a model: gives back what it is given. ``loses`` a sign. ``seen``: its prefixes."""

    def __init__(self, loses: str = "") -> None:
        self.loses = loses
        self.seen: list[str] = []

    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        self.seen.append(prefix)
        return text.replace(self.loses, "") if self.loses else text


def test_a_model_sees_signs_and_the_translation_has_the_numbers() -> None:
    assert NumeralTranslator(Copying()).translate("10.000 euro", "nl", "en-GB") == "10,000 euro"


@pytest.mark.parametrize(
    ("source", "target", "text", "made"),
    [
        ("en", "nl", "thousands of people and 3", "Duizenden people and 3"),
        ("en", "de", "with hundreds of thousands of angels", "with Hunderttausende angels"),
        ("en", "fr", "with millions of anges", "with des millions d'anges"),
        ("en", "fr", "les hundreds of people", "les centaines de people"),
        ("fr", "en", "avec des milliers de personnes", "avec thousands of personnes"),
        ("nl", "en", "er waren honderden mensen", "er waren hundreds of mensen"),
        ("en", "nl", "thousands of them, and hundreds", "thousands of them, and hundreds"),
        ("nl", "en", "duizenden kwamen", "duizenden kwamen"),
    ],
)
def test_vague_amounts_are_written_in_the_other_language(
    source: str, target: str, text: str, made: str
) -> None:
    assert NumeralTranslator(Copying()).translate(text, source, target) == made


def test_vague_amounts_in_a_forced_prefix_become_their_signs() -> None:
    model = Copying()
    NumeralTranslator(model).translate("thousands of people", "en", "nl", "Duizenden mensen")
    assert model.seen == ["<n1> mensen"]


def test_numbers_in_a_forced_prefix_become_their_signs() -> None:
    model = Copying()
    NumeralTranslator(model).translate("van 10.000 tot 20.000", "nl", "en", "van 10,000 tot")
    assert model.seen == ["van <n1> tot"]


def test_a_number_whose_sign_was_lost_is_copied() -> None:
    assert NumeralTranslator(Copying("<n1>")).translate("12 appels", "nl", "en") == "12 appels"


def test_a_verse_whose_sign_was_lost_has_a_colon() -> None:
    assert NumeralTranslator(Copying("<v1>")).translate("1 vers 1", "nl", "en") == "1:1"


def test_other_languages_are_translated_as_they_are() -> None:
    assert NumeralTranslator(Copying()).translate("10.000 euro", "it", "en") == "10.000 euro"
