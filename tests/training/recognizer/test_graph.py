import math
import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from training.recognizer.fst import Fst
from training.recognizer.graph import lexicon_graph
from training.recognizer.kaldi import enter
from training.recognizer.language_graph import language_graph
from training.recognizer.language_model import estimate
from training.recognizer.phones import Inventory
from training.recognizer.speech import Lexicon

INVENTORY = Inventory("en")
LEXICON: Lexicon = {
    "cat": Counter({("K", "AE", "T"): 3}),
    "hat": Counter({("HH", "AE", "T"): 2, ("AE", "T"): 1}),
    "at": Counter({("AE", "T"): 1}),
    "a": Counter({("AX",): 1}),
}
WORDS = sorted(LEXICON)
LOOP = 1
Arc = tuple[int, int, float, int]


def read(path: Path) -> tuple[list[float], list[list[Arc]]]:
    """Final costs and arcs of a const FST."""
    data = path.read_bytes()
    at = 4
    for _ in range(2):
        at += 4 + struct.unpack_from("<i", data, at)[0]
    states, arcs = struct.unpack_from("<iiQqqq", data, at)[4:]
    at += 40
    heads = [struct.unpack_from("<fIIII", data, at + 20 * n) for n in range(states)]
    at += 20 * states
    rows = [struct.unpack_from("<iifi", data, at + 16 * n) for n in range(arcs)]
    return [head[0] for head in heads], [rows[h[1] : h[1] + h[2]] for h in heads]


def words_read(path: Path, phones: tuple[str, ...], start: int = LOOP) -> dict[str, float]:
    """The words that `phones` may be, one word's worth, and their costs."""
    _, arcs = read(path)
    found: dict[str, float] = {}
    entered = [enter(number) for number in INVENTORY.word(phones)]

    def walk(state: int, left: list[int], word: int, price: float) -> None:
        if not left:
            if any(arc[0] == 0 and arc[3] == LOOP for arc in arcs[state]):
                if word <= len(WORDS):
                    found[WORDS[word - 1]] = price
            return
        for label, output, more, target in arcs[state]:
            if label == left[0]:
                walk(target, left[1:], word or output, price + more)

    walk(start, entered, 0, 0.0)
    return found


@pytest.fixture
def lexicon_file(tmp_path: Path) -> Path:
    path = tmp_path / "HCLr.fst"
    lexicon_graph(LEXICON, WORDS, [1.0, 2.0, 3.0, 4.0], INVENTORY, {"AE", "T"}).write(
        path, sort_by_output=True
    )
    return path


@pytest.mark.parametrize(
    "phones, words",
    [
        (("K", "AE", "T"), {"cat"}),
        (("HH", "AE", "T"), {"hat"}),
        (("AE", "T"), {"at", "hat"}),
        (("AX",), {"a"}),
        (("K", "T"), set()),
        (("AE",), set()),
        (("T",), set()),
    ],
)
def test_sharing_ends_of_words_changes_no_word(
    lexicon_file: Path, phones: tuple[str, ...], words: set[str]
) -> None:
    assert words_read(lexicon_file, phones).keys() == words


@pytest.mark.parametrize("phones", [("K", "AE", "T"), ("HH", "AE", "T"), ("AE", "T"), ("AX",)])
def test_the_tree_has_the_same_words_at_the_same_cost(
    lexicon_file: Path, phones: tuple[str, ...]
) -> None:
    retreat = len(WORDS) + 2
    tree = next(arc[3] for arc in read(lexicon_file)[1][LOOP] if arc[1] == retreat)
    linear = words_read(lexicon_file, phones)
    assert linear
    assert words_read(lexicon_file, phones, tree) == pytest.approx(linear, abs=1e-5)


def test_words_that_end_alike_share_their_ends(tmp_path: Path) -> None:
    def states(*words: str) -> int:
        path = tmp_path / "some.fst"
        lexicon = {word: LEXICON[word] for word in words}
        graph = lexicon_graph(lexicon, sorted(words), [1.0] * len(words), INVENTORY, {"AE"})
        graph.write(path, sort_by_output=True)
        return len(read(path)[0])

    # The first sounds of "hat", and three states in the tree.
    assert states("cat", "hat") == states("cat") + 2 + 3


def test_arcs_are_sorted_as_composition_needs_them(lexicon_file: Path) -> None:
    _, arcs = read(lexicon_file)
    for row in arcs:
        assert [arc[1] for arc in row] == sorted(arc[1] for arc in row)


RETREAT = 5
"""The label after 3 words and "[unk]"."""


def cost_of(path: Path, sentence: list[int]) -> float:
    """The cheapest way through the language graph."""
    finals, arcs = read(path)
    best = {0: 0.0}
    for label in [*sentence, None]:
        for state in list(best):  # back off as far as it goes
            here = state
            while epsilon := next((arc for arc in arcs[here] if arc[0] in (0, RETREAT)), None):
                price = best[here] + epsilon[2]
                here = epsilon[3]
                best[here] = min(price, best.get(here, math.inf))
        if label is None:
            return min(cost + finals[state] for state, cost in best.items())
        best = {
            target: min(best[state] + price for state in best for given, _, price, to in arcs[state]
                        if given == label and to == target)
            for state in best for given, _, _, target in arcs[state] if given == label
        }  # fmt: skip
    raise AssertionError


def test_the_graph_says_what_the_model_says(tmp_path: Path) -> None:
    model = estimate([[1, 2, 3], [1, 2, 3], [1, 3], [2, 1]], 4, most_two=20, most_three=20)
    path = tmp_path / "Gr.fst"
    language_graph(model, 5.0).write(path, sort_by_output=False)
    pair = {tuple(row): p for row, p in zip(model.two.tolist(), model.two_p, strict=True)}
    triple = {tuple(row): p for row, p in zip(model.three.tolist(), model.three_p, strict=True)}
    said = pair[0, 1] * triple[0, 1, 2] * triple[1, 2, 3] * triple[2, 3, 4]
    assert cost_of(path, [1, 2, 3]) == pytest.approx(-math.log(said), abs=1e-3)
    assert np.isfinite(cost_of(path, [3, 3, 2]))
    assert cost_of(path, [4]) == pytest.approx(
        -math.log(model.back_off_one[0]) + 5.0 - math.log(model.one[4]), abs=1e-3
    )


def test_a_state_made_final_ends_there(tmp_path: Path) -> None:
    fst = Fst()
    fst.end(fst.state(), 2.0)
    fst.write(tmp_path / "one.fst", sort_by_output=False)
    assert read(tmp_path / "one.fst") == ([2.0], [[]])
