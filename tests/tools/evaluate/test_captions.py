"""What captions showed, when, and what of it did not stay."""

import pytest

from tools.evaluate.captions import Line, displayed

PARTIAL, FINAL, CLEAR = "partial", "final", "clear"


@pytest.mark.parametrize(
    ("lines", "shown", "changed"),
    [
        ([(0, PARTIAL, "one"), (0, PARTIAL, "one two"), (0, FINAL, "one two")], "one two", 0),
        ([(0, PARTIAL, "one too"), (0, FINAL, "one two")], "one two", 1),
        # A word put in between changes no other.
        ([(0, PARTIAL, "one three"), (0, FINAL, "one two three")], "one two three", 0),
        ([(0, PARTIAL, "one two"), (0, CLEAR, "")], "", 2),
        # A line is cut: the rest comes in the next.
        ([(0, PARTIAL, "one two three"), (0, FINAL, "one"), (1, PARTIAL, "two three")],
         "one two three", 0),
        ([(0, PARTIAL, "one two three"), (0, FINAL, "one"), (1, FINAL, "two"), (2, FINAL, "three")],
         "one two three", 0),
        ([(0, PARTIAL, "one two three"), (0, FINAL, "one"), (1, PARTIAL, "two tree")],
         "one two tree", 1),
        ([(0, PARTIAL, "one two"), (0, FINAL, "one")], "one", 1),
        # An earlier line is put right.
        ([(0, FINAL, "one too"), (1, FINAL, "three"), (0, FINAL, "one two")], "one two three", 1),
        ([(0, FINAL, "One, two!")], "one two", 0),
    ],
)  # fmt: skip
def test_words_that_change_are_counted(
    lines: list[tuple[int, str, str]], shown: str, changed: int
) -> None:
    display = displayed(Line(place, *line) for place, line in enumerate(lines))
    assert " ".join(word.text for word in display.words()) == shown
    assert display.changed == changed


def test_a_word_counts_as_shown_from_its_first_appearance() -> None:
    display = displayed(
        [
            Line(1.0, 0, PARTIAL, "one"),
            Line(2.0, 0, PARTIAL, "one too three"),
            Line(3.0, 0, FINAL, "one two"),
            Line(4.0, 1, FINAL, "three four"),
        ]
    )
    assert display.words() == [("one", 1.0), ("two", 3.0), ("three", 2.0), ("four", 4.0)]
