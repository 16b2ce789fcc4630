"""Decoding graphs in the layout that lets Vosk change its vocabulary at run time.

HCLr.fst turns transitions into words (a linear lexicon), Gr.fst scores words (a trigram with
back-off). Both are OpenFst "const" files: a header, states,
arcs (OpenFst's const-fst.h). Weights are costs, -ln p.
"""

import math
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.recognizer.kaldi import STAY_PROBABILITY, enter, stay
from training.recognizer.language_model import BEGIN, Trigrams
from training.recognizer.phones import SILENCE, Inventory
from training.recognizer.speech import Lexicon

UNKNOWN = "[unk]"
_UNKNOWN_COST_PER_PHONE = 2.5
_PAUSE_PROBABILITY = 0.5
_MOST_PRONUNCIATIONS = 4
_MAGIC, _CONST_VERSION = 2125659606, 2
_EXPANDED, _INPUT_SORTED, _OUTPUT_SORTED = 0x1, 0x10000000, 0x40000000
_NO_COST = 0.0
EPSILON = 0


def cost(probability: float) -> float:
    """-ln p."""
    return -math.log(max(probability, 1e-9))


_LEAVE = cost(1 - STAY_PROBABILITY)


class Fst:
    """A weighted transducer; state 0 starts."""

    def __init__(self) -> None:
        self._arcs: list[list[tuple[int, int, float, int]]] = []
        self._final: list[float] = []

    def state(self, final_cost: float = math.inf) -> int:
        """A new state."""
        self._arcs.append([])
        self._final.append(final_cost)
        return len(self._arcs) - 1

    def arc(self, source: int, label_in: int, label_out: int, weight: float, target: int) -> None:
        """An arc; label 0 is nothing."""
        self._arcs[source].append((label_in, label_out, weight, target))

    def end(self, state: int, final_cost: float) -> None:
        """Make a state final."""
        self._final[state] = final_cost

    def write(self, path: Path, *, sort_by_output: bool) -> None:
        """As a const FST with its arcs sorted."""
        side = 1 if sort_by_output else 0
        arcs = [sorted(row, key=lambda arc: arc[side]) for row in self._arcs]
        states, position = [], 0
        for final_cost, row in zip(self._final, arcs, strict=True):
            empty_in = sum(arc[0] == EPSILON for arc in row)
            empty_out = sum(arc[1] == EPSILON for arc in row)
            states.append((final_cost, position, len(row), empty_in, empty_out))
            position += len(row)
        properties = _EXPANDED | (_OUTPUT_SORTED if sort_by_output else _INPUT_SORTED)
        header = struct.pack("<i", _MAGIC) + _string("const") + _string("standard")
        header += struct.pack("<iiQqqq", _CONST_VERSION, 0, properties, 0, len(arcs), position)
        state_type = np.dtype(
            [("w", "<f4"), ("p", "<u4"), ("n", "<u4"), ("i", "<u4"), ("o", "<u4")]
        )
        arc_type = np.dtype([("i", "<i4"), ("o", "<i4"), ("w", "<f4"), ("s", "<i4")])
        body = np.array(states, state_type).tobytes()
        body += np.array([arc for row in arcs for arc in row], arc_type).tobytes()
        path.write_bytes(header + body)


def _string(text: str) -> bytes:
    return struct.pack("<i", len(text)) + text.encode()


def pronunciations(lexicon: Lexicon, word: str) -> list[tuple[tuple[str, ...], float]]:
    """The commonest ways to say a word, with their costs; the commonest costs nothing."""
    heard = lexicon[word].most_common(_MOST_PRONUNCIATIONS)
    most = heard[0][1]
    kept = [(phones, n) for phones, n in heard if n >= 0.05 * most or n >= 5]
    return [(phones, 0.5 * cost(n / most)) for phones, n in kept]


class LexiconGraph:
    """Transitions to words; word n has label n, "[unk]" comes after the last.

    A word is told with its first phone. What follows is shared by all words that end alike.
    """

    def __init__(self, inventory: Inventory) -> None:
        self.fst = Fst()
        self._inventory = inventory
        self._shared: dict[tuple[int, ...], int] = {}
        start, self._loop, self._pause = (
            self.fst.state(),
            self.fst.state(_NO_COST),
            self.fst.state(),
        )
        silence = inventory.number(SILENCE, "")
        silent = self._sounding(silence)
        self._pause_or_not(start, _NO_COST)
        self.fst.arc(self._pause, enter(silence), EPSILON, _NO_COST, silent)
        self.fst.arc(silent, EPSILON, EPSILON, _LEAVE, self._loop)

    def add_word(self, label: int, phones: tuple[str, ...], word_cost: float) -> None:
        """One pronunciation."""
        numbers = tuple(self._inventory.word(phones))
        self.fst.arc(self._loop, enter(numbers[0]), label, word_cost, self._from(numbers))

    def _from(self, numbers: tuple[int, ...]) -> int:
        """The state in which the first of `numbers` sounds and the others are to come."""
        if numbers not in self._shared:
            state = self._shared[numbers] = self._sounding(numbers[0])
            if numbers[1:]:
                following = self._from(numbers[1:])
                self.fst.arc(state, enter(numbers[1]), EPSILON, _LEAVE, following)
            else:
                self._pause_or_not(state, _LEAVE)
        return self._shared[numbers]

    def add_unknown(self, label: int, phones: list[str]) -> None:
        """Any two or more of `phones` in a row, dear enough to lose against known words."""
        hub = self.fst.state()
        for phone in phones:
            for position, source, output in (("B", self._loop, label), ("I", hub, EPSILON),
                                             ("E", hub, EPSILON)):  # fmt: skip
                number = self._inventory.number(phone, position)
                state = self._sounding(number)
                self.fst.arc(source, enter(number), output, _UNKNOWN_COST_PER_PHONE, state)
                if position == "E":
                    self._pause_or_not(state, _LEAVE)
                else:
                    self.fst.arc(state, EPSILON, EPSILON, _LEAVE, hub)

    def _sounding(self, number: int) -> int:
        """A state in which phone `number` goes on."""
        state = self.fst.state()
        self.fst.arc(state, stay(number), EPSILON, cost(STAY_PROBABILITY), state)
        return state

    def _pause_or_not(self, state: int, leave: float) -> None:
        self.fst.arc(state, EPSILON, EPSILON, leave + cost(1 - _PAUSE_PROBABILITY), self._loop)
        self.fst.arc(state, EPSILON, EPSILON, leave + cost(_PAUSE_PROBABILITY), self._pause)


def lexicon_graph(
    lexicon: Lexicon, words: list[str], inventory: Inventory, trained: set[str]
) -> Fst:
    """The graph of all `words`; "[unk]" is made of the `trained` phones only."""
    graph = LexiconGraph(inventory)
    for label, word in enumerate(words, 1):
        for phones, word_cost in pronunciations(lexicon, word):
            graph.add_word(label, phones, word_cost)
    graph.add_unknown(len(words) + 1, sorted(trained - {SILENCE}))
    return graph.fst


def language_graph(model: Trigrams, unknown_cost: float) -> Fst:
    """The trigram as a graph, which every word may leave for any other at a cost.

    `unknown_cost` is that of "[unk]", whose number is the model's `end`.
    """
    fst = Fst()
    longer = {tuple(model.two[row]) for row in np.unique(_rows_of_histories(model))}
    histories = {(int(word),) for word in np.unique(model.two[:, 0])} | longer
    states = {history: fst.state() for history in [(BEGIN,), *sorted(histories - {(BEGIN,)})]}
    alone = fst.state(cost(float(model.one[model.end])))

    def after(*words: int) -> int:
        """The state of the longest history; a sentence's end has none."""
        return next((states[words[at:]] for at in range(2) if words[at:] in states), alone)

    for word in range(1, model.end):
        fst.arc(alone, word, word, cost(float(model.one[word])), states.get((word,), alone))
    fst.arc(alone, model.end, model.end, unknown_cost, alone)
    rows = zip(model.two.tolist(), model.two_p.tolist(), model.back_off_two.tolist(), strict=True)
    for (one, two), probability, weight in rows:
        target = after(one, two)
        _arc_or_end(fst, states[one,], two, probability, model.end, target)
        if (one, two) in states:
            fst.arc(states[one, two], EPSILON, EPSILON, cost(weight), after(two))
    for history in np.unique(model.two[:, 0]).tolist():
        weight = float(model.back_off_one[history])
        fst.arc(states[history,], EPSILON, EPSILON, cost(weight), alone)
    for (one, two, three), probability in zip(
        model.three.tolist(), model.three_p.tolist(), strict=True
    ):
        state = states[one, two]
        _arc_or_end(fst, state, three, probability, model.end, after(two, three))
    return fst


def _rows_of_histories(model: Trigrams) -> npt.NDArray[np.int64]:
    """For every triple the row of the pair it begins with."""
    size = model.end + 1
    pairs = model.two[:, 0] * size + model.two[:, 1]
    return np.searchsorted(pairs, model.three[:, 0] * size + model.three[:, 1])


def _arc_or_end(fst: Fst, state: int, word: int, probability: float, end: int, target: int) -> None:
    if word == end:
        fst.end(state, cost(probability))
    else:
        fst.arc(state, word, word, cost(probability), target)
