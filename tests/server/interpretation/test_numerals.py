"""Numbers taken out of a sentence and put into its translation."""

import pytest

from server.interpretation.numeral_translator import NumeralTranslator
from server.interpretation.numerals import masked
from server.interpretation.spelled_numbers import in_figures


@pytest.mark.parametrize(
    ("language", "said", "with_signs", "other", "written"),
    [
        ("nl", "met zeven procent", "met <n1> procent", "en", "met 7 procent"),
        ("nl", "Johannes drie vers zestien", "Johannes <v1>", "de", "Johannes 3,16"),
        ("nl", "10.000 tot 50.000", "<n1> tot <n2>", "en", "10,000 tot 50,000"),
        ("nl", "om half elf", "om <t1>", "fr", "om 10 h 30"),
        ("nl", "kwart voor negen", "<t1>", "en", "8:45"),
        ("nl", "om 10.30 uur", "om <t1> uur", "de", "om 10:30 uur"),
        ("nl", "in negentienhonderdvijfenveertig", "in <n1>", "de", "in 1945"),
        ("nl", "€ 5,50", "€ <n1>", "en", "€ 5.50"),
        ("nl", "de 21e eeuw", "de <o1> eeuw", "en", "de 21st eeuw"),
        ("nl", "bel 06-12345678", "bel <n1>", "fr", "bel 06-12345678"),
        ("en", "in nineteen forty-five", "in <n1>", "nl", "in 1945"),
        ("en", "half past ten", "<t1>", "nl", "10:30"),
        ("en", "John 13:4-8", "John <v1>", "de", "John 13,4-8"),
        ("en", "$1,250.50", "$<n1>", "nl", "$1.250,50"),
        ("en", "the twenty-first century", "the <o1> century", "de", "the 21. century"),
        ("de", "am 3. Mai 1945", "am <n1>. Mai <n2>", "en", "am 3. Mai 1945"),
        ("de", "um halb elf", "um <t1>", "en", "um 10:30"),
        ("de", "im 21. Jahrhundert", "im <o1> Jahrhundert", "fr", "im 21e Jahrhundert"),
        ("fr", "à dix heures et demie", "à <t1>", "en", "à 10:30"),
        ("fr", "10 000 personnes", "<n1> personnes", "en", "10,000 personnes"),
        ("fr", "sept pour cent", "<n1> pour cent", "nl", "7 pour cent"),
    ],
)
def test_numbers_are_found_and_written_as_the_other_language_has_them(
    language: str, said: str, with_signs: str, other: str, written: str
) -> None:
    found = masked(in_figures(said, language), language)
    assert found.text == with_signs
    assert found.unmasked(found.text, other) == written


@pytest.mark.parametrize(
    ("language", "said", "figures"),
    [
        ("en", "about five million people", "about 5000000 people"),
        ("en", "It costs $3.5 million.", "It costs $3500000."),
        ("en", "three point five million dollars", "3500000 dollars"),
        ("en", "about two and a half million people", "about 2500000 people"),
        ("en", "half a million, or a million and a half", "500000, or 1500000"),
        ("en", "two or three million", "2000000 or 3000000"),
        ("en", "from 1990 to 2 million", "from 1990 to 2000000"),
        ("en", "three billion five hundred million two hundred", "3500000200"),
        ("en", "20 thousand", "20000"),
        ("en", "5 million 20% of them", "5000000 20% of them"),
        ("nl", "Er wonen 17 miljoen mensen.", "Er wonen 17000000 mensen."),
        ("nl", "anderhalf miljoen", "1500000"),
        ("nl", "een half miljoen mensen", "500000 mensen"),
        ("nl", "vier en een half miljoen", "4500000"),
        ("nl", "twee komma vijf miljard", "2500000000"),
        ("nl", "een miljoen tweehonderdduizend", "1200000"),
        ("nl", "€ 1.250,5 miljoen", "€ 1250500000"),
        ("de", "17 Millionen Menschen", "17000000 Menschen"),
        ("de", "eineinhalb millionen", "1500000"),
        ("de", "eine halbe million", "500000"),
        ("de", "zwei bis drei Milliarden", "2000000000 bis 3000000000"),
        ("fr", "un million de personnes", "1000000 personnes"),
        ("fr", "deux millions et demi d'euros", "2500000 euros"),
        ("fr", "20 mille", "20000"),
    ],
)
def test_amounts_of_millions_are_one_number(language: str, said: str, figures: str) -> None:
    assert in_figures(said, language) == figures


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Thousands of people came, hundreds of millions, tens of thousands."),
        ("en", "the first million of a few hundred or several thousand"),
        ("nl", "Miljoenen mensen, een paar honderd, duizenden, honderden miljoenen."),
        ("de", "millionen menschen und ein paar tausend"),
        ("fr", "Des millions de personnes, des milliards, des milliers."),
    ],
)
def test_amounts_without_a_number_stay_words(language: str, said: str) -> None:
    assert in_figures(said, language) == said


@pytest.mark.parametrize("language", ["en", "nl", "de", "fr"])
@pytest.mark.parametrize(
    "text",
    ["", "one", "1", "0", "A1", "1e400", "x2y", "<n1>", "<n9>", "...", "--", "3:", ":16", "12:"],
)
def test_odd_text_is_not_changed(language: str, text: str) -> None:
    found = masked(in_figures(text, language), language)
    assert found.unmasked(found.text, language) in (text, text.replace("<n1>", ""))


def test_numbers_beyond_the_last_sign_stay_in_the_text() -> None:
    found = masked("2 3 4 5 6 7 8 9", "en")
    assert found.text == "<n1> <n2> <n3> <n4> <n5> <n6> 8 9"


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


def test_numbers_in_a_forced_prefix_become_their_signs() -> None:
    model = Copying()
    NumeralTranslator(model).translate("van 10.000 tot 20.000", "nl", "en", "van 10,000 tot")
    assert model.seen == ["van <n1> tot"]


def test_a_number_whose_sign_was_lost_is_copied() -> None:
    assert NumeralTranslator(Copying("<n1>")).translate("12 appels", "nl", "en") == "12 appels"


def test_other_languages_are_translated_as_they_are() -> None:
    assert NumeralTranslator(Copying()).translate("10.000 euro", "it", "en") == "10.000 euro"
