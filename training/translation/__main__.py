"""python -m training.translation --out DIR --data DIR: from nothing to a model CTranslate2 loads.

Started again with the same --out it goes on from DIR.checkpoint; --hours counts all sessions.
Interrupted (Ctrl-C, SIGTERM) it saves that and writes the model as it is.
"""

import argparse
import os
import random
import signal
import threading
from pathlib import Path

import torch

from training import phrases
from training.data import DATA
from training.translation import pieces
from training.translation.convert import write
from training.translation.corpus import Corpus, Foreign, read_corpora
from training.translation.examples import Examples
from training.translation.feed import batches
from training.translation.recipe import GPU, SERVED, SMOKE, Recipe
from training.translation.spelling import spell
from training.translation.train import Training, tensors

SMOKE_HOURS = 20 / 3600
SMOKE_PAIRS = 3000
#: Development sentences of each language whose loss is shown now and then.
HELD_OUT = 200


def main() -> None:
    parser = argparse.ArgumentParser(prog="training.translation", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with text/tatoeba-en-*")
    parser.add_argument("--hours", type=float, default=3.0, help="of training, all sessions added")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--workers", type=int, default=0, help="processes that make examples")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--smoke", action="store_true", help="a toy amount, in two minutes")
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    recipe = SMOKE if arguments.smoke else GPU if device == "cuda" else Recipe()
    corpora = read_corpora(arguments.data)
    if not corpora and not arguments.smoke:
        parser.error(f"no tatoeba-en-*.train.tsv.xz in {arguments.data / 'text'}: name --data")
    for foreign, corpus in corpora.items():
        counts = f"{len(corpus.train):,} pairs to learn from, {corpus.dropped:,} dropped because"
        print(f"en-{foreign}: {counts} a test or development set has a sentence of theirs")
    if arguments.smoke:
        corpora = {foreign: _some(corpus) for foreign, corpus in corpora.items()}
    checkpoint = out.with_name(out.name + ".checkpoint")
    if checkpoint.exists():
        training = Training.load(checkpoint, recipe, device)
    else:
        training = _start(corpora, recipe, device)
    progress = training.progress
    print(f"{sum(w.numel() for w in training.average.values()):,} parameters, step {progress.step}")
    out.mkdir(exist_ok=True)
    (out / pieces.FILE).write_bytes(training.pieces)
    encoded = pieces.as_ids(pieces.load(out))

    def examples(rng: random.Random) -> Examples:
        return Examples(corpora, encoded, training.recipe, spell, rng)

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    seed = f"seed {arguments.seed} from step {progress.step}"  # other examples in each session
    held_out = [*map(tensors, examples(random.Random(0)).held_out(corpora, HELD_OUT))]
    hours = SMOKE_HOURS if arguments.smoke else arguments.hours
    made = batches(examples, seed, arguments.workers)
    training.run(made, held_out, 3600 * hours, checkpoint, stop.is_set)
    known = {"en", *corpora} if corpora else {"en", "nl"}
    directions = [direction for direction in SERVED if known.issuperset(direction)]
    weights = {name: weight.cpu() for name, weight in training.average.items()}
    write(weights, training.recipe, training.pieces, directions, out)
    print(f"{out}: {progress.step:,} steps, {progress.target_pieces:,} target pieces learnt from")


def _start(corpora: dict[Foreign, Corpus], recipe: Recipe, device: str) -> Training:
    rng = random.Random(0)
    grammar = [text for pair in phrases.pairs(rng, 4000, "train") for text in pair]
    model = pieces.learn(corpora, grammar, recipe.vocabulary)
    vocabulary = pieces.size_of(model)
    return Training(recipe, model, vocabulary, device)


def _some(corpus: Corpus) -> Corpus:
    return Corpus(corpus.train[:SMOKE_PAIRS], corpus.dev, corpus.test, corpus.dropped)


if __name__ == "__main__":
    main()
