"""Makes HCLr.fst, the transducer from transitions to words, in the layout that lets Vosk change its
vocabulary at run time. While decoding, Gr.fst, which scores words, is composed with it. Weights are
costs, -ln p."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from training.recognizer.fst import EPSILON, Fst, cost
from training.recognizer.kaldi import STAY_PROBABILITY, enter, stay
from training.recognizer.phones import SILENCE, Inventory
from training.recognizer.speech import Lexicon

UNKNOWN = "[unk]"
_UNKNOWN_COST_PER_PHONE = 2.5
_PAUSE_PROBABILITY = 0.5
_MOST_PRONUNCIATIONS = 4
_TREE_DEPTH = 2  # phones
_NO_COST = 0.0
_LEAVE = cost(1 - STAY_PROBABILITY)


def pronunciations(lexicon: Lexicon, word: str) -> list[tuple[tuple[str, ...], float]]:
    """The commonest pronunciations of a word, with their costs; the commonest costs nothing."""
    heard = lexicon[word].most_common(_MOST_PRONUNCIATIONS)
    most = heard[0][1]
    kept = [(phones, n) for phones, n in heard if n >= 0.05 * most or n >= 5]
    return [(phones, 0.5 * cost(n / most)) for phones, n in kept]


@dataclass(frozen=True)
class Entry:
    """A pronunciation and its cost. ``model_cost``: the word's cost in a state in which any word
    may follow."""

    label: int
    phones: tuple[str, ...]
    word_cost: float
    model_cost: float


class LexiconGraph:
    """The transducer from transitions to words. Word n has label n; "[unk]" comes after the last
    word.

    A word's label is on its first phone, so that the language model limits the next words early.
    The rest of a word is shared by all words with the same ending. That is fast if few words may
    follow. For states in which any word may follow (`retreat`, after the label "n words + 2"), the
    same words are also in a tree. There a word's label comes after its first phones, and each
    branch has the cost of its likeliest word.
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
        """Add one pronunciation."""
        numbers = tuple(self._inventory.word(phones))
        self.fst.arc(self._loop, enter(numbers[0]), label, word_cost, self._from(numbers))

    def retreat(self, label: int) -> None:
        """Add the way to the tree, which is used when the language model backs off to single
        words."""
        for state in (self._loop, self._tree):
            self.fst.arc(state, EPSILON, label, _NO_COST, self._tree)

    def add_tree(self, entries: list[Entry]) -> None:
        """Add all words a second time, as a tree."""
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
        """The state in which the first of `numbers` is being said, and the others follow."""
        if numbers not in self._shared:
            state = self._shared[numbers] = self._sounding(numbers[0])
            if numbers[1:]:
                following = self._from(numbers[1:])
                self.fst.arc(state, enter(numbers[1]), EPSILON, _LEAVE, following)
            else:
                self._pause_or_not(state, _LEAVE)
        return self._shared[numbers]

    def add_unknown(self, label: int, phones: list[str]) -> None:
        """Add "[unk]": two or more of `phones`, at a cost high enough to lose against known
        words."""
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
        """A state in which phone `number` continues."""
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
    """The transducer of all `words`. "[unk]" consists of the `trained` phones only.

    `model_costs`: of each word when the language model backs off to single words.
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
