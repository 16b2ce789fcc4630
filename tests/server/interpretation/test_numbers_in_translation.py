"""Numbers through the translation model that is shipped."""

import pytest

from server.interpretation.engines import Translator
from server.interpretation.loading import translators
from server.interpretation.numerals import SIGN
from server.models.catalogue import Catalogue


@pytest.fixture(scope="module")
def translator(starter: Catalogue) -> Translator:
    return translators(starter)


@pytest.mark.parametrize(
    ("source", "target", "text", "number"),
    [
        ("en", "nl", "Costs have risen by seven percent this year.", "7"),
        ("en", "nl", "The town has ten thousand inhabitants.", "10.000"),
        ("nl", "en", "de kosten zijn met twaalf procent gestegen", "12"),
        ("nl", "en", "We lezen Johannes drie vers zestien.", "3:16"),
        ("nl", "fr", "we lezen johannes drie vers zestien", "3:16"),
        ("nl", "en", "we lezen genesis een vers een", "Genesis 1:1"),
        ("en", "nl", "lunch is at twelve fifteen", "12:15"),
        ("nl", "de", "We lezen Johannes 3:16.", "3,16"),
        ("de", "fr", "Der Gottesdienst beginnt um 10.30 Uhr.", "10\u00a0h\u00a030"),
        ("fr", "en", "Le toit coûte 1 250 000 euros.", "1,250,000"),
        ("en", "de", "It happened in the 19th century.", "19."),
        ("nl", "en", "er wonen 17 miljoen mensen in dit land", "17,000,000 people"),
        ("en", "nl", "about two and a half million people live here", "2.500.000 mensen"),
        ("en", "nl", "hundreds of people came to listen", "Honderden mensen"),
        ("en", "fr", "There are millions of stars in the sky.", "des millions d'étoiles"),
        ("fr", "en", "Un million de personnes sont venues.", "1,000,000 people"),
        ("en", "fr", "Please call 06 1234 5678.", "06 1234 5678"),
    ],
)
def test_numbers_are_written_as_in_the_target_language(
    translator: Translator, source: str, target: str, text: str, number: str
) -> None:
    assert number in translator.translate(text, source, target)


@pytest.mark.parametrize(
    "text",
    [
        "3:16",
        "vers 16",
        "16.",
        "1e400",
        "het is 30 februari 2025",
        "om 25:61 uur",
        "twintig",
        "er waren drie",
        "We zagen twenty five mensen and dertig dogs.",
        "1 2 3 4 5 6 7 8 9 10 11 12",
        "<n1> <n2> <t1>",
        "nul komma nul",
        "9" * 300,
    ],
)
@pytest.mark.parametrize("target", ["en", "de", "fr"])
def test_odd_numbers_do_no_harm(translator: Translator, text: str, target: str) -> None:
    found = translator.translate(text, "nl", target)
    assert not SIGN.search(found)
    assert len(found) <= 3 * len(text) + 40


@pytest.mark.parametrize("prefix", ["The town has 10,000", "The town"])
def test_a_spoken_prefix_with_a_number_stays(translator: Translator, prefix: str) -> None:
    text = "De stad heeft tienduizend inwoners en vijf kerken."
    found = translator.translate(text, "nl", "en", prefix)
    assert found.startswith(prefix)
    assert found.count("10,000") == 1
