"""A recogniser with few words: the shipped network, with graphs made as in training."""

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from server.interpretation.piper_synthesizer import ipa
from server.interpretation.pronunciation import pronouncer
from training.recognizer.fst import cost
from training.recognizer.graph import lexicon_graph
from training.recognizer.language_graph import language_graph
from training.recognizer.language_model import estimate
from training.recognizer.phones import Inventory
from training.recognizer.speech import Lexicon

pronounce = pronouncer("nl", ipa)


def dutch_model(shipped: Path, into: Path, sentences: Sequence[str]) -> Path:
    """Make a model that knows the words of ``sentences`` in the folder ``into``; returns that."""
    shutil.copytree(shipped, into, ignore=shutil.ignore_patterns("*.fst", "words.txt"))
    words = sorted({word for each in sentences for word in each.split()})
    lexicon: Lexicon = {word: Counter({pronounce(word) or ("AX",): 1}) for word in words}
    number = {word: n for n, word in enumerate(words, 1)}
    model = estimate(
        ([number[word] for word in each.split()] for each in sentences),
        len(words) + 1,
        most_two=1000,
        most_three=1000,
    )
    inventory = Inventory("nl")
    costs = [cost(float(probability)) for probability in model.one[1:-1]]
    lexicon_graph(lexicon, words, costs, inventory, set(inventory.phones)).write(
        into / "graph/HCLr.fst", sort_by_output=True
    )
    language_graph(model, 7.0).write(into / "graph/Gr.fst", sort_by_output=False)
    lines = (f"{word} {n}\n" for n, word in enumerate(["<eps>", *words, "[unk]"]))
    (into / "graph/words.txt").write_text("".join(lines), encoding="utf-8")
    return into
