"""python -m training.translation --out DIR --data DIR: makes a model that CTranslate2 loads.

If it is started again with the same --out, it continues from DIR.checkpoint; --hours counts all
sessions. With --from it begins with the weights and the pieces of an earlier model. If it is
interrupted (Ctrl-C, SIGTERM), it saves the checkpoint and writes the model as it is.
"""

import argparse
import os
import random
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import torch

from training import phrases
from training.data import DATA
from training.translation import number_phrases, pieces
from training.translation.convert import write
from training.translation.corpus import held_out, read_corpora
from training.translation.examples import Examples
from training.translation.feed import batches
from training.translation.library import Text, read
from training.translation.recipe import GPU, SHARES, SMOKE, Recipe
from training.translation.shipped import weights as weights_of
from training.translation.train import Training, tensors

SMOKE_HOURS = 20 / 3600
SMOKE_PAIRS = 3000
#: Number of development sentences of each language, whose loss is shown regularly.
HELD_OUT = 200


def main() -> None:
    parser = argparse.ArgumentParser(prog="training.translation", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with text/tatoeba-en-*")
    parser.add_argument("--hours", type=float, default=3.0, help="hours of training, all sessions")
    parser.add_argument(
        "--from", type=Path, dest="shipped", metavar="MODEL", help="model to begin with"
    )
    parser.add_argument(
        "--mean-with", type=Path, metavar="CHECKPOINT",
        help="an earlier checkpoint of this training: the model is the mean of both",
    )  # fmt: skip
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
    most = SMOKE_PAIRS if arguments.smoke else None
    texts = [*read(arguments.data, corpora, most), *number_phrases.texts()]
    for text in texts:
        print(f"{text.name}, {'-'.join(text.languages)}: {len(text.pairs):,} pairs")
    checkpoint = out.with_name(out.name + ".checkpoint")
    if checkpoint.exists():
        training = Training.load(checkpoint, recipe, device)
    else:
        training = _start(texts, recipe, device, arguments.shipped)
    progress = training.progress
    print(f"{sum(w.numel() for w in training.average.values()):,} parameters, step {progress.step}")
    out.mkdir(exist_ok=True)
    (out / pieces.FILE).write_bytes(training.pieces)
    encoded = pieces.as_ids(pieces.load(out))
    kept_apart = held_out(corpora)

    def examples(rng: random.Random) -> Examples:
        return Examples(texts, kept_apart, encoded, training.recipe, rng)

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    seed = f"seed {arguments.seed} from step {progress.step}"  # other examples in each session
    judged = [*map(tensors, examples(random.Random(0)).held_out(corpora, HELD_OUT))]
    hours = SMOKE_HOURS if arguments.smoke else arguments.hours
    made = batches(examples, seed, arguments.workers)
    training.run(made, judged, 3600 * hours, checkpoint, stop.is_set)
    known = {"en", *corpora} if corpora else {"en", "nl"}
    directions = [direction for direction in SHARES if known.issuperset(direction)]
    weights = {name: weight.cpu() for name, weight in training.average.items()}
    if arguments.mean_with:  # as good as both, each where it is better (Wortsman et al. 2022)
        earlier = Training.load(arguments.mean_with, recipe, "cpu").average
        weights = {name: (weight + earlier[name]) / 2 for name, weight in weights.items()}
    write(weights, training.recipe, training.pieces, directions, out)
    print(f"{out}: {progress.step:,} steps, {progress.target_pieces:,} target pieces learnt from")


def _start(texts: Sequence[Text], recipe: Recipe, device: str, shipped: Path | None) -> Training:
    """``shipped``: the folder of a model whose weights and pieces to begin with."""
    if shipped is not None:
        model = pieces.with_signs((shipped / pieces.FILE).read_bytes())
        training = Training(recipe, model, pieces.size_of(model), device)
        training.begin_with(weights_of(shipped, recipe))
        return training
    rng = random.Random(0)
    grammar = [text for pair in phrases.pairs(rng, 4000, "train") for text in pair]
    model = pieces.learn(texts, grammar, recipe.vocabulary)
    return Training(recipe, model, pieces.size_of(model), device)


if __name__ == "__main__":
    main()
