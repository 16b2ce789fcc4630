"""Numbers taken out of a sentence and put into its translation."""

import pytest

from server.interpretation.numerals import masked
from server.interpretation.spelled_numbers import in_figures


@pytest.mark.parametrize(
    ("language", "said", "with_signs", "other", "written"),
    [
        ("nl", "met zeven procent", "met <n1> procent", "en", "met 7 procent"),
        ("nl", "Johannes drie vers zestien", "Johannes <v1>", "de", "Johannes 3,16"),
        ("nl", "10.000 tot 50.000", "<n1> tot <n2>", "en", "10,000 tot 50,000"),
        ("nl", "om half elf", "om <t1>", "fr", "om 10\u00a0h\u00a030"),
        ("nl", "kwart voor negen", "<t1>", "en", "8:45"),
        ("nl", "om 10.30 uur", "om <t1> uur", "de", "om 10:30 uur"),
        ("nl", "om 10.30", "om <n1>", "en", "om 10.30"),
        ("nl", "Johannes 3.16", "Johannes <n1>", "de", "Johannes 3.16"),
        ("de", "um 10.30", "um <n1>", "en", "um 10.30"),
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
        ("nl", "johannes drie vers zestien", "johannes <v1>", "fr", "johannes 3:16"),
        ("nl", "Romeinen 8, vers 28", "Romeinen <v1>", "de", "Romeinen 8,28"),
        ("nl", "genesis een vers een", "genesis <v1>", "en", "genesis 1:1"),
        ("nl", "johannes 10:30", "johannes <t1>", "fr", "johannes 10\u00a0h\u00a030"),
        ("en", "john one verse one", "john <v1>", "de", "john 1,1"),
        (
            "en",
            "romans chapter eight verse ten",
            "romans chapter <v1>",
            "nl",
            "romans chapter 8:10",
        ),
        ("de", "johannes drei vers sechzehn", "johannes <v1>", "fr", "johannes 3:16"),
        ("fr", "jean un verset un", "jean <v1>", "de", "jean 1,1"),
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
        ("nl", "een kwart miljoen of driekwart miljoen", "250000 of 750000"),
        ("en", "a quarter of a million", "250000"),
        ("nl", "vier en een half miljoen", "4500000"),
        ("nl", "twee komma vijf miljard", "2500000000"),
        ("nl", "een miljoen tweehonderdduizend", "1200000"),
        ("nl", "€ 1.250,5 miljoen", "€ 1250500000"),
        ("de", "17 Millionen Menschen", "17000000 Menschen"),
        ("de", "eineinhalb millionen", "1500000"),
        ("de", "eine halbe million", "500000"),
        ("de", "zwei und eine halbe Million", "2500000"),
        ("de", "zwei bis drei Milliarden", "2000000000 bis 3000000000"),
        ("fr", "un million de personnes", "1000000 personnes"),
        ("fr", "deux millions et demi d'euros", "2500000 euros"),
        ("fr", "20 mille", "20000"),
        ("en", "a hundred and fifty people", "150 people"),
        ("en", "A thousand two hundred, or a hundred thousand", "1200, or 100000"),
        ("en", "a hundred million times a day", "100000000 times a day"),
        ("en", "a hundred times a day, or a thousand", "100 times a day, or 1000"),
        ("en", "a 100 metre race", None),
    ],
)
def test_large_amounts_are_one_number(language: str, said: str, figures: str | None) -> None:
    assert in_figures(said, language) == (figures or said)


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


@pytest.mark.parametrize(
    ("language", "said", "figures"),
    [
        ("nl", "om half een, en om half twee", "om 12:30, en om 1:30"),
        ("nl", "vanaf kwart over een", "vanaf 1:15"),
        ("nl", "half vijf", "4:30"),
        ("de", "um halb eins", "um 12:30"),
        ("de", "Viertel vor drei", "2:45"),
        ("en", "a quarter past nine", "9:15"),
        ("en", "at quarter to one", "at 12:45"),
        ("en", "we start at eleven thirty on sunday", "we start at 11:30 on sunday"),
        ("en", "from ten thirty to eleven fifteen", "from 10:30 to 11:15"),
        ("en", "ten thirty in the morning", "10:30 in the morning"),
        ("en", "at nine oh five or one oh two pm", "at 9:05 or 1:02 pm"),
        ("fr", "quatorze heures moins le quart", "13:45"),
    ],
)
def test_times_of_day_are_written_as_figures(language: str, said: str, figures: str) -> None:
    assert in_figures(said, language) == figures


@pytest.mark.parametrize(
    ("said", "figures"),
    [
        ("Nineteen eighty-four was a hard year.", "1984 was a hard year."),
        ("from nineteen fourteen to nineteen eighteen", "from 1914 to 1918"),
        ("on may fifth nineteen sixty", "on may 5th 1960"),
        ("in march eighteen twelve", "in march 1812"),
        ("the year of our lord seventeen seventy six", "the year of our lord 1776"),
        ("in nineteen oh five or twenty oh one", "in 1905 or 2001"),
        ("in ten sixty six or since eleven sixty", "in 10 66 or since 1160"),
    ],
)
def test_years_said_in_two_parts_are_one_number(said: str, figures: str) -> None:
    assert in_figures(said, "en") == figures


@pytest.mark.parametrize(
    ("language", "said", "figures"),
    [
        ("en", "romans twelve twelve", "romans 12 12"),
        ("en", "john fourteen sixteen", "john 14 16"),
        ("en", "in room 11 20 people were waiting", "in room 11 20 people were waiting"),
        ("en", "at ten fifteen people came", "at 10 15 people came"),
        ("en", "by eleven twenty people had left", "by 11 20 people had left"),
        ("nl", "half 500, een half uur, een kwart voor 10", None),
        ("nl", "kwart over 5 procent", None),
        ("nl", "twee en een half jaar", "2 en een half jaar"),
        ("de", "halb 100, halb voll, halb 5 Prozent", None),
    ],
)
def test_other_numbers_are_neither_times_nor_years(
    language: str, said: str, figures: str | None
) -> None:
    assert in_figures(said, language) == (figures or said)


@pytest.mark.parametrize(
    ("language", "said", "figures"),
    [
        ("en", "chapter one and psalm two", "chapter 1 and psalm 2"),
        ("en", "in this verse one thing is clear", None),
        ("en", "psalm one oh three verse two", "psalm 103∶2"),
        ("en", "psalm one nineteen verse one oh five", "psalm 119∶105"),
        ("nl", "Psalm een.", "Psalm 1."),
        ("nl", "in vers een lezen we", "in vers 1 lezen we"),
        ("nl", "vers een tot drie", "vers 1 tot 3"),
        ("nl", "we lezen in dit hoofdstuk een mooi verhaal", None),
        ("nl", "in dit vers een", None),
        ("nl", "we lezen een vers 16", None),
        ("de", "in kapitel eins", "in kapitel 1"),
        ("de", "in diesem vers ein wort", None),
        ("fr", "au verset un nous lisons", "au verset 1 nous lisons"),
        ("fr", "dans ce verset un mot", None),
    ],
)
def test_small_numbers_of_chapters_and_verses(
    language: str, said: str, figures: str | None
) -> None:
    assert in_figures(said, language) == (figures or said)


def test_a_verse_beyond_the_last_sign_has_a_colon() -> None:
    found = masked(in_figures("one verse one, " * 4, "en"), "en")
    assert found.text == "<v1>, <v2>, <v3>, 1:1, "


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("nl", "Geef acht! Geef acht op mijn woorden, en sla geen acht op hem."),
        ("nl", "ik acht dat niet goed"),
        ("nl", "hij heeft acht geslagen op mijn gebed"),
        ("nl", "neem dat in acht, en ook dit moet je in acht nemen"),
        ("de", "Gib acht! habt acht auf euch selbst"),
        ("de", "nehmt euch in acht vor den falschen propheten"),
        ("fr", "rien de neuf, et un bâtiment tout neuf"),
        ("fr", "l'homme neuf est né"),
    ],
)
def test_words_that_look_like_a_number_stay_words(language: str, said: str) -> None:
    assert in_figures(said, language) == said


@pytest.mark.parametrize(
    ("language", "said", "figures"),
    [
        ("nl", "dan heb ik acht kinderen, hij heeft acht boeken", "8"),
        ("nl", "in acht dagen, geef acht voorbeelden", "8"),
        ("de", "wir haben acht Kinder in acht Tagen", "8"),
        ("fr", "plus de neuf étages, en tout neuf personnes", "9"),
    ],
)
def test_the_same_words_are_numbers_elsewhere(language: str, said: str, figures: str) -> None:
    assert in_figures(said, language).count(figures) == 2


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
