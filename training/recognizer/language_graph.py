"""Makes Gr.fst: the language model as a transducer. Weights are costs, -ln p."""

from collections import Counter

from training.recognizer.fst import EPSILON, Fst, cost
from training.recognizer.language_model import BEGIN, Trigrams

_MANY = 20
"""Of more words than these, after one history, the lexicon's tree is the quicker way."""
History = tuple[int, ...]


class LanguageGraph:
    """The trigram as a transducer. Every word may follow every other, at a cost.

    "[unk]" has the number of the model's `end`. The next number is the label of the arc into the
    state without history, and into each history that many words follow: at this label the lexicon
    turns to its tree.
    """

    def __init__(self, model: Trigrams, unknown_cost: float) -> None:
        self.fst = Fst()
        self._model, self._retreat = model, model.end + 1
        followers: Counter[History] = Counter((one,) for one in model.two[:, 0].tolist())
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
        """The state of the longest history with which `words` ends."""
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
        """Add the back-off to a shorter history. It keeps the position in the lexicon's tree."""
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
    """See LanguageGraph. `unknown_cost`: of "[unk]" in a state in which any word may follow."""
    return LanguageGraph(model, unknown_cost).fst
