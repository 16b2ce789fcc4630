"""Which words of captions were certain, since when, and which of them did not stay."""

import pytest

from tools.evaluate.captions import Line
from tools.evaluate.certainty import certainty

PARTIAL, FINAL, CLEAR = "partial", "final", "clear"


@pytest.mark.parametrize(
    ("lines", "words", "changed"),
    [
        # Certain one after the other; of a final line all are.
        ([(0, PARTIAL, "One two", 1), (0, FINAL, "One two", 2)], [("One", 0), ("two", 1)], 0),
        # What is not certain may change.
        ([(0, PARTIAL, "one too", 1), (0, FINAL, "one two", 2)], [("one", 0), ("two", 1)], 0),
        # What is may not, not even by a comma.
        ([(0, PARTIAL, "one too", 2), (0, FINAL, "one two", 2)], [("one", 0), ("two", 0)], 1),
        ([(0, PARTIAL, "one two", 1), (0, FINAL, "one, two", 2)], [("one,", 0), ("two", 1)], 1),
        # A line is cut: what was certain and is left begins the next one.
        ([(0, PARTIAL, "one two", 2), (0, FINAL, "one", 1), (1, FINAL, "two", 1)],
         [("one", 0), ("two", 0)], 0),
        ([(0, PARTIAL, "one two", 2), (0, FINAL, "one", 1), (1, PARTIAL, "too three", 1)],
         [("one", 0)], 2),
        # What was certain and never came again.
        ([(0, PARTIAL, "one two", 2), (0, FINAL, "one", 1)], [("one", 0)], 1),
        ([(0, PARTIAL, "one two", 2), (0, CLEAR, "", 0)], [], 2),
    ],
)  # fmt: skip
def test_certain_words(
    lines: list[tuple[int, str, str, int]], words: list[tuple[str, int]], changed: int
) -> None:
    came = [Line(at_s, *line) for at_s, line in enumerate(lines)]
    found = certainty(came)
    assert [tuple(word) for word in found.words] == words
    assert found.changed == changed
