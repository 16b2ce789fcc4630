"""Decoding graphs in the layout that lets Vosk change its vocabulary at run time.

HCLr.fst turns transitions into words (a linear lexicon), Gr.fst scores words (a trigram with
back-off). Both are OpenFst "const" files: a header, states,
arcs (OpenFst's const-fst.h). Weights are costs, -ln p.
"""

import math
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.recognizer.kaldi import STAY_PROBABILITY, enter, stay
from training.recognizer.language_model import BEGIN, Trigrams
from training.recognizer.phones import SILENCE, Inventory
from training.recognizer.speech import Lexicon

UNKNOWN = "[unk]"
_UNKNOWN_COST_PER_PHONE = 2.5
_PAUSE_PROBABILITY = 0.5
_MOST_PRONUNCIATIONS = 4
_TREE_DEPTH = 2  # phones
_MANY = 20
"""Of more words than these, after one history, the lexicon's tree is the quicker way."""
_MAGIC, _CONST_VERSION = 2125659606, 2
_EXPANDED, _INPUT_SORTED, _OUTPUT_SORTED = 0x1, 0x10000000, 0x40000000
_NO_COST = 0.0
EPSILON = 0
History = tuple[int, ...]


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


@dataclass(frozen=True)
class Entry:
    """A pronunciation, its cost, and what the word costs where any word may come."""

    label: int
    phones: tuple[str, ...]
    word_cost: float
    model_cost: float


class LexiconGraph:
    """Transitions to words; word n has label n, "[unk]" comes after the last.

    A word is told with its first phone, so a language model can say at once what may follow;
    the rest is shared by all words that end alike. That is quick where few words may follow. For
    where all may (`retreat`, after the label "n words + 2"), the same words stand in a tree too,
    in which they are told when their first phones are over, and every branch costs what its
    likeliest word does.
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
        self._tree = self.fst.state(_NO_COST)

    def add_word(self, label: int, phones: tuple[str, ...], word_cost: float) -> None:
        """One pronunciation."""
        numbers = tuple(self._inventory.word(phones))
        self.fst.arc(self._loop, enter(numbers[0]), label, word_cost, self._from(numbers))

    def retreat(self, label: int) -> None:
        """Where the language model falls back on all words, they are looked for in the tree."""
        for state in (self._loop, self._tree):
            self.fst.arc(state, EPSILON, label, _NO_COST, self._tree)

    def add_tree(self, entries: list[Entry]) -> None:
        """All words a second time."""
        least: dict[tuple[int, ...], float] = {(): 0.0}
        ways = [(tuple(self._inventory.word(each.phones)), each) for each in entries]
        for numbers, each in ways:
            for length in range(1, min(_TREE_DEPTH, len(numbers) - 1) + 1):
                told = each.word_cost + each.model_cost
                least[numbers[:length]] = min(told, least.get(numbers[:length], math.inf))
        nodes: dict[tuple[int, ...], int] = {(): self._tree}
        for prefix in sorted(least.keys() - {()}, key=len):
            nodes[prefix] = self._sounding(prefix[-1])
            leave = _LEAVE if prefix[1:] else _NO_COST
            price = leave + least[prefix] - least[prefix[:-1]]
            self.fst.arc(nodes[prefix[:-1]], enter(prefix[-1]), EPSILON, price, nodes[prefix])
        for numbers, each in ways:
            length = min(_TREE_DEPTH, len(numbers) - 1)
            price = each.word_cost - least[numbers[:length]] + (_LEAVE if length else _NO_COST)
            self.fst.arc(nodes[numbers[:length]], enter(numbers[length]), each.label, price,
                         self._from(numbers[length:]))  # fmt: skip

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
            for position, source, output in (("B", self._loop, label), ("B", self._tree, label),
                                             ("I", hub, EPSILON), ("E", hub, EPSILON)):  # fmt: skip
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
    lexicon: Lexicon,
    words: list[str],
    model_costs: Sequence[float],
    inventory: Inventory,
    trained: set[str],
) -> Fst:
    """The graph of all `words`; "[unk]" is made of the `trained` phones only.

    `model_costs`: of each word where the language model falls back on all words.
    """
    graph = LexiconGraph(inventory)
    entries = [
        Entry(label, phones, word_cost, model_cost)
        for label, (word, model_cost) in enumerate(zip(words, model_costs, strict=True), 1)
        for phones, word_cost in pronunciations(lexicon, word)
    ]
    for each in entries:
        graph.add_word(each.label, each.phones, each.word_cost)
    graph.add_tree(entries)
    graph.add_unknown(len(words) + 1, sorted(trained - {SILENCE}))
    graph.retreat(len(words) + 2)
    return graph.fst


class LanguageGraph:
    """The trigram as a graph, which every word may leave for any other at a cost.

    "[unk]" has the number of the model's `end`. A history that many words follow, and the one
    of all words, are entered by the next number, at which the lexicon turns to its tree.
    """

    def __init__(self, model: Trigrams, unknown_cost: float) -> None:
        self.fst = Fst()
        self._model, self._retreat = model, model.end + 1
        followers = Counter((int(one),) for one in model.two[:, 0])
        followers.update((one, two) for one, two, _ in model.three.tolist())
        self._enter: dict[History, int] = {}
        self._words: dict[History, int] = {}
        for history in sorted({(BEGIN,), ()} | followers.keys(), key=lambda h: (h != (BEGIN,), h)):
            self._enter[history] = self._words[history] = self.fst.state()
            if not history or followers[history] > _MANY:
                self._words[history] = self.fst.state()
                self._arc(self._enter[history], self._retreat, 1.0, self._words[history])
        self._all_words(unknown_cost)
        self._some_words()

    def _arc(self, source: int, label: int, probability: float, target: int) -> None:
        self.fst.arc(
            source, label, 0 if label > self._model.end else label, cost(probability), target
        )

    def _after(self, words: History) -> int:
        """The state of the longest history that `words` end with."""
        while words not in self._enter:
            words = words[1:]
        return self._enter[words]

    def _word(self, history: History, word: int, probability: float) -> None:
        state = self._words[history]
        if word == self._model.end:
            self.fst.end(state, cost(probability))
        else:
            self._arc(state, word, probability, self._after((*history, word)[-2:]))

    def _back_off(self, history: History, weight: float) -> None:
        """To a shorter history. Who is in the lexicon's tree stays in it."""
        in_tree = self._in_tree(history)
        shorter = history[1:]
        while shorter not in self._enter or (in_tree and not self._in_tree(shorter)):
            shorter = shorter[1:]
        state = self._words[history]
        if in_tree:
            self._arc(state, self._retreat, weight, self._words[shorter])
        else:
            self._arc(state, EPSILON, weight, self._enter[shorter])

    def _in_tree(self, history: History) -> bool:
        return self._words[history] != self._enter[history]

    def _all_words(self, unknown_cost: float) -> None:
        for word in range(1, self._model.end + 1):
            self._word((), word, float(self._model.one[word]))
        state = self._words[()]
        self.fst.arc(state, self._model.end, self._model.end, unknown_cost, self._enter[()])

    def _some_words(self) -> None:
        model = self._model
        for (one, two), probability in zip(model.two.tolist(), model.two_p.tolist(), strict=True):
            self._word((one,), two, probability)
        for (one, two, three), probability in zip(
            model.three.tolist(), model.three_p.tolist(), strict=True
        ):
            self._word((one, two), three, probability)
        pairs = {tuple(pair): row for row, pair in enumerate(model.two.tolist())}
        for history in self._enter.keys() - {()}:
            if history in pairs:
                self._back_off(history, float(model.back_off_two[pairs[history]]))
            else:
                self._back_off(history, float(model.back_off_one[history[0]]))


def language_graph(model: Trigrams, unknown_cost: float) -> Fst:
    """See LanguageGraph; `unknown_cost` is that of "[unk]" where any word may come."""
    return LanguageGraph(model, unknown_cost).fst
