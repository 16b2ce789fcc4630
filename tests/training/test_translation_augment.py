import random
from collections.abc import Iterator

import pytest

from training.translation.augment import Names, cut, names_of, plain, swap_names


@pytest.fixture(params=range(20))
def rng(request: pytest.FixtureRequest) -> Iterator[random.Random]:
    yield random.Random(request.param)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Room 12, it's 7:30!", "room 12 it's 7 30"),
        ("Where’s ‘Tom’?", "where's tom"),
        ("…", ""),
        ("Où vas-tu ?", "où vas tu"),
    ],
)
def test_plain_text_has_words_and_figures_only(text: str, expected: str) -> None:
    assert plain(text) == expected


def test_a_beginning_has_the_beginning_of_its_translation(rng: random.Random) -> None:
    source, target = "I have never seen such a big dog", "ik heb nog nooit zo'n grote hond gezien"
    begun, covered = cut(source, target, rng)
    assert source.startswith(begun)
    assert target.startswith(covered)
    assert covered
    assert (begun == source) == (covered == target)
    assert len(covered.split()) <= len(begun.split())


def test_a_short_sentence_is_not_cut(rng: random.Random) -> None:
    assert cut("Good morning", "Goedemorgen", rng) == ("Good morning", "Goedemorgen")


def test_a_name_stands_on_both_sides_and_inside_the_sentence() -> None:
    assert names_of(("Does Tom live in Boston?", "Woont Tom in Boston?")) == ["Tom", "Boston"]
    assert names_of(("The French like him.", "De Fransen mogen hem.")) == []
    assert names_of(("Help! Help!", "Help! Help!")) == []


def test_a_swapped_name_is_the_same_on_both_sides(rng: random.Random) -> None:
    names = Names([("Ask Alice or Yanni.", "Vraag Alice of Yanni.")])
    english, dutch = swap_names(("Where is Tom?", "Waar is Tom?"), names, rng)
    assert english.removeprefix("Where is ") == dutch.removeprefix("Waar is ") != "Tom?"


def test_a_name_may_stand_at_the_beginning() -> None:
    names = Names(3 * [("Is Tom at home?", "Is Tom thuis?")])
    assert names.of(("Tom sings to Eva.", "Tom zingt voor Eva.")) == ["Tom", "Eva"]
    assert names.of(("Is Tom here?", "Is Tom er?")) == ["Tom"]
    assert names.of(("Tom sings.", "Tomas zingt.")) == []


def test_names_are_also_invented() -> None:
    names = Names([("Ask Marina or Karin.", "Vraag Marina of Karin.")])
    rng = random.Random(1)
    drawn = {names.draw(rng) for _ in range(200)}
    assert drawn == {"Marina", "Karin", "Marin", "Karina"}
