"""Signs for numbers in sentence pairs."""

import pytest

from server.interpretation.numerals import SIGN
from training.translation import number_phrases
from training.translation.recipe import Direction
from training.translation.signs import signed, without_other_signs


@pytest.mark.parametrize(
    ("direction", "source", "target", "with_signs"),
    [
        (("en", "nl"), "He has 12 cows.", "Hij heeft 12 koeien.", ("<n1> cows", "<n1> koeien")),
        (("en", "nl"), "I ate seven.", "Ik at er zeven.", ("ate <n1>.", "er <n1>.")),
        (("nl", "en"), "Om half elf.", "At half past ten.", ("Om <t1>", "At <t1>")),
        (("en", "de"), "10,000 or 5", "5 oder 10.000", ("<n1> or <n2>", "<n2> oder <n1>")),
        (("de", "fr"), "am 3. Mai", "le 3 mai", ("<n1>. Mai", "le <n1> mai")),
    ],
)
def test_a_number_on_both_sides_gets_a_sign(
    direction: Direction, source: str, target: str, with_signs: tuple[str, str]
) -> None:
    made = signed((source, target), direction)
    assert all(part in side for part, side in zip(with_signs, made, strict=True))


@pytest.mark.parametrize(
    "pair",
    [
        ("In 1945.", "In 1946."),
        ("He saw 12 cows.", "Hij zag koeien."),
        ("One.", "Een."),
        ("a", "b"),
    ],
)
def test_pairs_whose_numbers_differ_stay(pair: tuple[str, str]) -> None:
    assert signed(pair, ("en", "nl")) == pair


def test_signs_come_in_the_order_of_the_source() -> None:
    pair = ("Am <n2>. Mai um <t2> bis <n1>", "On <n2> May at <t2> till <n1>")
    assert signed(pair, ("de", "en")) == (
        "Am <n1>. Mai um <t1> bis <n2>",
        "On <n1> May at <t1> till <n2>",
    )


def test_no_sign_is_translated_from_nothing() -> None:
    assert without_other_signs("on <n1>", "op <n1> mei <n2> was") == "op <n1> mei"


def test_number_phrases_have_the_same_signs_in_every_language() -> None:
    for text in number_phrases.texts():
        for one, other in text.pairs:
            assert SIGN.search(one)
            assert sorted(SIGN.findall(one)) == sorted(SIGN.findall(other))
