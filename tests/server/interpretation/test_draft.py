import pytest

from server.interpretation.draft import Draft
from server.interpretation.types import Clause

SOURCE = "een twee drie vier vijf zes"


@pytest.mark.parametrize(
    ("translations", "committed"),
    [
        pytest.param(["a b c d e"], [""], id="one translation alone is not believed"),
        pytest.param(["a b c d", "a b c d e f"], ["", "a b c d"], id="what two agree on"),
        pytest.param(["a b c d e", "a b c d e"], ["", "a b c"], id="the last two may change"),
        pytest.param(
            ["x b c d", "a b c d e f", "a b c d e f g"], ["", "", "a b c d e"], id="no wrong start"
        ),
        pytest.param(["a b c d", "a b c d"], ["", ""], id="two words are too few to say"),
        pytest.param(
            ["a b c d e", "a b c d e", "a b c d e f g", "a b c d e f g h i"],
            ["", "a b c", "", "d e f g"],
            id="bit by bit",
        ),
        pytest.param(
            ["a b c d e", "a b c d e", "a b cs y z d e", "a b cs y z d e f"],
            ["", "a b c", "", "y z d"],
            id="what was said stays, though it is made longer",
        ),
        pytest.param(["a " * 20, "a " * 20], ["", ""], id="a loop"),
        pytest.param(
            ["plus de 25\u202f000 personnes sont là"] * 2,
            ["", "plus de 25\u202f000 personnes"],
            id="a number with a space in it is one word",
        ),
        pytest.param(
            ["a b c d 3:16 e f", "a b c d 3:16 e"],
            ["", "a b c"],
            id="a number has its word before it",
        ),
    ],
)
def test_the_agreed_beginning_is_committed(translations: list[str], committed: list[str]) -> None:
    draft = Draft(1)
    assert [draft.revise(SOURCE, each, False) for each in translations] == committed
    assert draft.text.split() == " ".join(committed).split()
    assert draft.parts == sum(map(bool, committed))


def clause(text: str, ended: bool = False) -> Clause:
    return Clause(1, text, 0, 100, ended)


def beginnings(draft: Draft, text: str, quick: bool = True, ended: bool = False) -> list[str]:
    return [each.text for each in draft.beginnings(clause(text, ended), "en", quick)]


def test_with_several_new_words_the_text_without_the_last_is_translated_first() -> None:
    draft = Draft(1)
    assert beginnings(draft, "x b c") == ["x b", "x b c"]
    draft.revise("x b c", "x y z", False)
    assert beginnings(draft, "x b c d") == ["x b c d"]
    assert beginnings(draft, "x b c d e") == ["x b c d", "x b c d e"]
    assert beginnings(draft, "x b c d e", quick=False) == ["x b c d e"]


def test_an_end_is_translated_once() -> None:
    assert beginnings(Draft(1), "x b c", ended=True) == ["x b c"]
    assert beginnings(Draft(1), "x") == ["x"]


def test_an_incomplete_number_waits_for_its_end() -> None:
    assert beginnings(Draft(1), "we were three hundred and", quick=False) == ["we were"]
    assert beginnings(Draft(1), "three hundred") == []
    assert beginnings(Draft(1), "there were 300", ended=True) == ["there were 300"]


def test_at_the_end_the_whole_translation_is_committed() -> None:
    draft = Draft(1)
    draft.revise(SOURCE, "a b c d e", False)
    draft.revise(SOURCE, "a b c d e", False)
    assert draft.revise(SOURCE, "a b c f g", True) == "f g"
