"""python -m training.translation.measure --model DIR --data DIR: what a model can do.

On the development sets, by which anything may be chosen; what is to be reported is measured on
the test sets by `python -m tools.evaluate starter`.
"""

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

import sacrebleu

from server.interpretation.ctranslate2_translator import CTranslate2Translator
from server.interpretation.engines import EngineError
from training import phrases
from training.data import DATA
from training.translation.augment import Names, names_of, plain, swap_names, swap_numbers
from training.translation.corpus import Corpus, Foreign, Pair, read_corpora
from training.translation.odd import is_runaway, odd_inputs
from training.translation.recipe import Direction
from training.translation.spelling import spell

Part = Literal["dev", "test"]
TIMED_WORDS: Final = 12
ODD_INPUTS: Final = 10_000


class Measured:
    """A model at work through the server's own adapter; what that refuses is counted."""

    def __init__(self, folder: Path) -> None:
        """``folder`` has what ``convert.write`` writes."""
        pairs = json.loads((folder / "model.json").read_text())["pairs"]
        self.directions: list[Direction] = [(source, target) for source, target in pairs]
        self.megabytes = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
        self.refused = 0
        self._translator = CTranslate2Translator(folder, {target for _, target in pairs})

    def translate(self, text: str, direction: Direction) -> str:
        try:
            return self._translator.translate(text, *direction)
        except EngineError:
            self.refused += 1
            return ""

    def bleu(
        self, pairs: Sequence[Pair], direction: Direction, change: Callable[[str], str] = str
    ) -> float:
        """sacrebleu's score on (English, other) pairs; ``change`` is done to each source."""
        side = 0 if direction[0] == "en" else 1
        found = [self.translate(change(pair[side]), direction) for pair in pairs]
        return float(sacrebleu.corpus_bleu(found, [[pair[1 - side] for pair in pairs]]).score)

    def milliseconds(self, pairs: Sequence[Pair]) -> float:
        """CPU time of an English sentence of twelve words into Dutch."""
        texts = [english for english, _ in pairs if len(english.split()) == TIMED_WORDS][:50]
        started = time.process_time()
        for text in texts:
            self.translate(text, ("en", "nl"))
        return 1000 * (time.process_time() - started) / max(1, len(texts))

    def runaways(self, sentences: Sequence[str], n: int) -> int:
        """Of ``n`` odd inputs, those whose translation ran away or was refused as a loop."""
        self.refused = found = 0
        for at, text in enumerate(odd_inputs(sentences, n, random.Random(4))):
            direction = self.directions[at % len(self.directions)]
            found += is_runaway(text, self.translate(text, direction))
        return found + self.refused

    def kept(self, pairs: Sequence[Pair], foreign: Foreign) -> float:
        """The share of sentences with a name or a number on both sides, both swapped for others
        than were there, whose translation into ``foreign`` has all of them."""
        rng = random.Random(5)
        names = Names(pairs)
        kept = []
        for pair in pairs:
            english, other = swap_numbers(swap_names(pair, names, rng), ("en", foreign), spell, rng)
            there = set(plain(other).split())
            words = (*names_of((english, other)), *filter(str.isdecimal, there))
            wanted = {plain(word) for word in words}
            if wanted:
                found = plain(self.translate(english, ("en", foreign))).split()
                kept.append(wanted.issubset(found))
        return sum(kept) / max(1, len(kept))


def bleu_figures(
    measured: Measured, corpora: dict[Foreign, Corpus], part: Part, limit: int | None = None
) -> dict[str, float]:
    """BLEU of every direction by "en-nl" and "en-nl plain": without case and punctuation."""
    figures: dict[str, float] = {}
    for direction in measured.directions:
        foreign = next(found for found in corpora if found in direction)
        pairs = getattr(corpora[foreign], part)[:limit]
        figures["-".join(direction)] = measured.bleu(pairs, direction)
        figures["-".join(direction) + " plain"] = measured.bleu(pairs, direction, plain)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="training.translation.measure", description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--sentences", type=int, help="of each development set")
    parser.add_argument("--odd", type=int, default=ODD_INPUTS, help="odd inputs")
    parser.add_argument("--show", type=int, default=0, help="translations of each direction")
    arguments = parser.parse_args()
    corpora = read_corpora(arguments.data)
    measured = Measured(arguments.model)
    dutch = corpora["nl"].dev
    for name, value in bleu_figures(measured, corpora, "dev", arguments.sentences).items():
        print(f"{name:20} {value:6.1f} BLEU", flush=True)
    held_out = phrases.distinct_pairs(random.Random(11), 200, "dev")
    for direction in measured.directions[:2]:
        value = measured.bleu(held_out, direction, plain)
        print(f"{'grammar ' + '-'.join(direction):20} {value:6.1f} BLEU")
    print(f"{'names and numbers':20} {100 * measured.kept(dutch, 'nl'):6.1f} %")
    print(f"{'CPU, twelve words':20} {measured.milliseconds(dutch):6.1f} ms")
    print(f"{'size':20} {measured.megabytes:6.1f} MB")
    texts = [text for pair in dutch for text in pair]
    print(f"{'runaways':20} {measured.runaways(texts, arguments.odd):6d} of {arguments.odd}")
    for source, target in measured.directions:
        foreign = next(found for found in corpora if found in (source, target))
        for pair in corpora[foreign].dev[: arguments.show]:
            text = pair[0 if source == "en" else 1]
            print(f"    {text}\n      {measured.translate(text, (source, target))}")


if __name__ == "__main__":
    main()
