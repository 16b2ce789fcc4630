"""Changes the graphs of a Vosk model so that it expects certain words.

Gr.fst, the language model, scores words: the cost of expected words is lowered in it. HCLr.fst, the
lexicon, has the pronunciations: expected words that it lacks are added. Adding works only if the
model has the layout of the starter models (see ``training/recognizer/graph.py``): a start state,
the word loop, a pause, silence, and a tree for the back-off state, in which any word may follow. In
other models only known words can be expected. Costs are -ln p.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from server.interpretation.const_fst import EPSILON, ConstFst, NewArc, NotConstFst

#: The cost of an expected word in the back-off state, and the most by which a cost is lowered.
#: Measured with an English model of 29,806 words. Of 25 terms in sentences spoken by espeak-ng, 7
#: were recognised without this, 25 with it, 24 with a cost of 8.0. With 60 expected words that
#: people did not say, 38.1 % of their words were wrong without this, 38.3 % with it, 38.5 % with
#: 4.0 and 8.0.
EXPECTED_COST: Final = 6.0
MOST_GAIN: Final = 4.0
#: A pause follows a word with probability 1/2.
PAUSE_COST: Final = 0.6931472
#: The first states of the lexicon, in the layout of the starter models.
LOOP: Final = 1
PAUSE: Final = 2
SILENT: Final = 3
TREE: Final = 4
CHANGED: Final = ("Gr.fst", "HCLr.fst", "words.txt")
UNKNOWN_SOUNDS: Final = "has sounds that the recogniser does not know"
CANNOT_GROW: Final = "is not in the recogniser's vocabulary, which cannot grow"

#: Returns the phones of a word, without position suffixes; None if they are not known.
Pronounce = Callable[[str], Sequence[str] | None]


class NotAdaptable(Exception):
    """The model's graphs are of another kind, so it cannot be made to expect words."""


def expect(folder: Path, into: Path, words: Sequence[str], pronounce: Pronounce) -> dict[str, str]:
    """Copy the model in ``folder`` to the folder ``into``, changed so that it expects ``words``.
    Returns the words that it cannot expect, with the reasons. Raises OSError, NotAdaptable."""
    graph = folder / "graph"
    try:
        scores, lexicon = ConstFst.read(graph / "Gr.fst"), ConstFst.read(graph / "HCLr.fst")
        numbers, phones = _numbered(graph / "words.txt"), _numbered(graph / "phones.txt")
        layout = _Layout.of(lexicon, scores, max(numbers.values()) + 1)
    except (NotConstFst, ValueError) as error:
        raise NotAdaptable(f"{folder}: {error}") from error
    _cheapen(scores, [numbers[word] for word in words if word in numbers])
    missing = [word for word in dict.fromkeys(words) if word not in numbers]
    if layout:
        sounds = {word: _places(pronounce(word) or (), phones) for word in missing}
        unusable = {word: UNKNOWN_SOUNDS for word in missing if not sounds[word]}
        new = {word: places for word, places in sounds.items() if places}
        labels = {word: number for number, word in enumerate(new, layout.retreat + 1)}
        layout.add_words({labels[word]: places for word, places in new.items()})
        numbers.update(labels)
    else:
        unusable = dict.fromkeys(missing, CANNOT_GROW)
    shutil.copytree(folder, into, copy_function=_linked, ignore=_those_that_change)
    scores.write(into / "graph/Gr.fst")
    lexicon.write(into / "graph/HCLr.fst")
    lines = (f"{word} {number}\n" for word, number in numbers.items())
    (into / "graph/words.txt").write_text("".join(lines), encoding="utf-8")
    return unusable


def _cheapen(scores: ConstFst, numbers: Sequence[int]) -> None:
    """Lower the cost of the words with these numbers; rare words gain most."""
    alone = scores.arcs_of(int(scores.states["count"].argmax()))
    gains = np.zeros(int(scores.arcs["in"].max(initial=0)) + 1, np.float32)
    for arc in alone[np.isin(alone["in"], numbers)]:
        gains[arc["in"]] = np.clip(arc["cost"] - EXPECTED_COST, 0, MOST_GAIN)
    words = scores.arcs["out"] != EPSILON
    scores.arcs["cost"][words] -= gains[scores.arcs["in"][words]]


@dataclass(frozen=True)
class _Layout:
    """Both graphs, in the layout of the starter models. ``retreat``: the label for going to the
    tree. ``stay``, ``leave``: the costs of staying in and leaving a phone. ``words``: the back-off
    state of ``scores``, in which any word may follow; ``any_word``: the state before it."""

    lexicon: ConstFst
    scores: ConstFst
    retreat: int
    stay: float
    leave: float
    words: int
    any_word: int

    @classmethod
    def of(cls, lexicon: ConstFst, scores: ConstFst, retreat: int) -> "_Layout | None":
        """Find the layout; None if the graphs have another one."""
        if len(lexicon.states) <= TREE or lexicon.start:
            return None
        outline = [
            [(arc["in"], arc["out"], arc["to"]) for arc in lexicon.arcs_of(state)[:2]]
            for state in (0, PAUSE, SILENT)
        ]
        if outline != [
            [(EPSILON, EPSILON, LOOP), (EPSILON, EPSILON, PAUSE)],
            [(2, EPSILON, SILENT)],
            [(1, EPSILON, SILENT), (EPSILON, EPSILON, LOOP)],
        ]:
            return None
        for state in (LOOP, TREE):
            arcs = lexicon.arcs_of(state)
            if not np.any((arcs["out"] == retreat) & (arcs["to"] == TREE)):
                return None
        stay, leave = lexicon.arcs_of(SILENT)["cost"].tolist()
        words = int(scores.states["count"].argmax())
        single = np.flatnonzero(scores.states["count"] == 1)
        only = scores.arcs[scores.states["first"][single]]
        entries = single[(only["in"] == retreat) & (only["to"] == words)]
        if len(entries) != 1:
            return None
        return cls(lexicon, scores, retreat, stay, leave, words, int(entries[0]))

    def add_words(self, words: Mapping[int, tuple[int, ...]]) -> None:
        """Add words to the tree, each with states of its own. ``words``: the numbers of their
        phones, by label."""
        if not words:
            return
        begin = len(self.lexicon.states)
        rows: list[list[NewArc]] = []
        entries: list[NewArc] = []
        for label, phones in words.items():
            entries.append((2 * phones[0], label, 0.0, begin + len(rows)))
            rows += self._chain(phones, begin + len(rows))
        self.lexicon.append(TREE, entries)
        self.lexicon.add_states(rows)
        # Each may come in the back-off state, which also follows it.
        new = [(label, label, EXPECTED_COST, self.any_word) for label in words]
        self.scores.append(self.words, new)

    def _chain(self, phones: tuple[int, ...], begin: int) -> Iterator[list[NewArc]]:
        """The arcs of a word's states, one for each phone: to itself, and to the next state."""
        for state, (phone, after) in enumerate(zip(phones, (*phones[1:], 0), strict=True), begin):
            sounding = (2 * phone - 1, EPSILON, self.stay, state)
            if after:
                yield [sounding, (2 * after, EPSILON, self.leave, state + 1)]
            else:
                ends = self.leave + PAUSE_COST
                yield [sounding, *((EPSILON, EPSILON, ends, to) for to in (LOOP, PAUSE))]


def _places(sounds: Sequence[str], phones: Mapping[str, int]) -> tuple[int, ...]:
    """The numbers of a word's phones, which depend on their positions in the word (S, B, I, E).
    Empty if one is missing in ``phones``."""
    if not sounds:
        return ()
    last = len(sounds) - 1
    places = ["S"] if not last else ["B", *"I" * (last - 1), "E"]
    found = [phones.get(f"{sound}_{place}") for sound, place in zip(sounds, places, strict=True)]
    return tuple(number for number in found if number) if all(found) else ()


def _numbered(path: Path) -> dict[str, int]:
    """Read a symbol table: the number of each symbol. Raises OSError, ValueError."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {name: int(number) for name, number in (line.split() for line in lines)}


def _linked(source: str, target: str) -> None:
    """Make a hard link, or a copy if that is not possible."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _those_that_change(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name in CHANGED] if Path(folder).name == "graph" else []
