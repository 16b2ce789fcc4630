"""The starter translation model: English <-> Dutch in one small Transformer.

    python -m training.translation --out DIR --text tatoeba-en-nl.train.tsv.xz [--minutes 30]

A Marian-style Transformer (Junczys-Dowmunt et al. 2018) from scratch, on the phrase grammar and
Tatoeba pairs, mostly written as a recogniser writes (lower case, no punctuation), with natural
text as its target. The first source token says the target language (">>nl<<"), the last is
"</s>". Partial sentences are paired with a proportionally cut target (Niehues et al. 2018), so
that a growing sentence is not completed out of thin air.
"""

import argparse
import json
import math
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import ctranslate2
import sentencepiece
import torch
from transformers import MarianConfig, MarianMTModel, MarianTokenizer

from training import phrases
from training.tatoeba import read_pairs

TAGS = (">>en<<", ">>nl<<")
EOS, UNK = 0, 1
MAX_PIECES = 60
BATCH_SENTENCES = 96
SAVE_EVERY = 500


@dataclass(frozen=True)
class Recipe:
    """How much of everything: `smoke` runs the whole path on a toy amount."""

    minutes: float
    vocabulary_pieces: int = 3000
    width: int = 192
    encoder_layers: int = 3
    decoder_layers: int = 1  # shallow: Kasai et al. 2021
    grammar_share: float = 0.4
    recogniser_style: float = 0.7
    prefixes: float = 0.05
    learning_rate: float = 1e-3


def as_recognised(text: str) -> str:
    """As a recogniser would write it; a sentence with figures stays as it is, none says those."""
    return text if any(char.isdigit() for char in text) else phrases.normalise(text)


def cut(source: str, target: str, rng: random.Random) -> phrases.Pair:
    """A beginning of the source and the part of the target that it surely covers.

    The target is cut in proportion and one word earlier, because word order differs.
    """
    source_words, target_words = source.split(), target.split()
    kept = rng.randint(1, max(1, len(source_words) - 1))
    covered = max(0, kept * len(target_words) // max(1, len(source_words)) - 1)
    return " ".join(source_words[:kept]), " ".join(target_words[:covered])


class Examples:
    """Endless training examples: piece ids of source and target."""

    def __init__(
        self,
        pieces: sentencepiece.SentencePieceProcessor,
        natural: list[phrases.Pair],
        recipe: Recipe,
    ) -> None:
        self._pieces = pieces
        self._natural = natural
        self._recipe = recipe
        self._tags = [pieces.piece_to_id(tag) for tag in TAGS]
        self._rng = random.Random(0)

    def batches(self) -> Iterator[list[tuple[list[int], list[int]]]]:
        """Batches of like length, in random order."""
        while True:
            pool: list[tuple[list[int], list[int]]] = []
            for pair in self._draw(60 * BATCH_SENTENCES):
                example = self._example(pair)
                if max(map(len, example)) <= MAX_PIECES:
                    pool.append(example)
            pool.sort(key=lambda example: len(example[0]) + len(example[1]))
            starts = list(range(0, len(pool), BATCH_SENTENCES))
            self._rng.shuffle(starts)
            for start in starts:
                yield pool[start : start + BATCH_SENTENCES]

    def _draw(self, n: int) -> list[phrases.Pair]:
        grammar = int(n * self._recipe.grammar_share) if self._natural else n
        drawn = phrases.pairs(self._rng, grammar, "train")
        return drawn + self._rng.choices(self._natural, k=n - grammar) if self._natural else drawn

    def _example(self, pair: phrases.Pair) -> tuple[list[int], list[int]]:
        target_side = self._rng.randrange(2)
        source, target = pair[1 - target_side], pair[target_side]
        if self._rng.random() < self._recipe.prefixes:
            source, target = cut(source, target, self._rng)
        if self._rng.random() < self._recipe.recogniser_style:
            source = as_recognised(source)
        source_ids = [self._tags[target_side], *self._pieces.encode(source), EOS]
        return source_ids, [*self._pieces.encode(target), EOS]


def learn_pieces(texts: list[str], size: int, folder: Path) -> sentencepiece.SentencePieceProcessor:
    """A joint SentencePiece model, written to folder/sentencepiece.model."""
    corpus = folder / "pieces.txt"
    corpus.write_text("\n".join(texts), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus),
        model_prefix=str(folder / "sentencepiece"),
        vocab_size=size,
        character_coverage=0.9998,
        user_defined_symbols=list(TAGS),
        bos_id=-1,
        pad_id=-1,
        eos_id=EOS,
        unk_id=UNK,
        hard_vocab_limit=False,
        num_threads=1,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / "sentencepiece.model"))


def build(vocabulary: int, recipe: Recipe) -> MarianMTModel:
    """An untrained model of `vocabulary` pieces; <pad>, which also starts a target, comes after."""
    config = MarianConfig(
        vocab_size=vocabulary + 1,
        d_model=recipe.width,
        encoder_layers=recipe.encoder_layers,
        decoder_layers=recipe.decoder_layers,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=4 * recipe.width,
        decoder_ffn_dim=4 * recipe.width,
        dropout=0.0,  # more text than a model this small can learn by heart
        attention_dropout=0.0,
        activation_function="relu",
        scale_embedding=True,
        max_position_embeddings=512,
        pad_token_id=vocabulary,
        eos_token_id=EOS,
        forced_eos_token_id=None,
        decoder_start_token_id=vocabulary,
        init_std=0.08,  # the default 0.02 stalls at this width
    )
    config._attn_implementation = "eager"
    model = MarianMTModel(config)
    torch.nn.init.normal_(model.model.shared.weight, std=recipe.width**-0.5)
    return model


def train(
    model: MarianMTModel, examples: Examples, recipe: Recipe, save: Callable[[], None]
) -> int:
    """Train for the recipe's wall time, calling `save` now and then; returns the steps."""
    pad = model.config.vocab_size - 1
    embedding = model.model.shared.weight
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.98), fused=True
    )
    loss_of = torch.nn.CrossEntropyLoss(ignore_index=pad, label_smoothing=0.1)
    started, average, step = time.monotonic(), math.nan, 0
    model.train()
    for batch in examples.batches():
        done = (time.monotonic() - started) / (60 * recipe.minutes)
        if done >= 1:
            break
        rate = min(1.0, (step + 1) / 300) * max(0.02, min(1.0, 1.2 * (1 - done)))
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate * rate
        source = _padded([ids for ids, _ in batch], pad)
        target = _padded([ids for _, ids in batch], pad)
        shifted = torch.cat([torch.full((len(batch), 1), pad), target[:, :-1]], 1)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(
                input_ids=source,
                attention_mask=source.ne(pad).long(),
                decoder_input_ids=shifted,
                use_cache=False,
            ).logits
        loss = loss_of(logits[..., :pad].float().reshape(-1, pad), target.view(-1))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            embedding[pad] = 0  # the start of a target is a zero vector, in Marian as here
        step += 1
        average = loss.item() if step == 1 else 0.98 * average + 0.02 * loss.item()
        if step % 200 == 0:
            print(f"step {step}  {100 * done:.0f} %  loss {average:.3f}", flush=True)
        if step % SAVE_EVERY == 0:
            save()
    return step


def _padded(rows: list[list[int]], pad: int) -> torch.Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [pad] * (longest - len(row)) for row in rows])


def convert(model: MarianMTModel, pieces_file: Path, out: Path) -> None:
    """Write `out` for CTranslate2, weights in int8, with sentencepiece.model beside it."""
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(pieces_file))
    vocabulary = {pieces.id_to_piece(i): i for i in range(pieces.get_piece_size())}
    vocabulary["<pad>"] = len(vocabulary)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for side in ("source.spm", "target.spm"):
            shutil.copy(pieces_file, folder / side)
        (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
        model.save_pretrained(folder)
        MarianTokenizer(
            str(folder / "source.spm"),
            str(folder / "target.spm"),
            str(folder / "vocab.json"),
            source_lang="en",
            target_lang="nl",
        ).save_pretrained(folder)
        ctranslate2.converters.TransformersConverter(str(folder)).convert(
            str(out), quantization="int8", force=True
        )
    shutil.copy(pieces_file, out / "sentencepiece.model")
    model_json = {
        "name": "translation-en-nl",
        "kind": "translation",
        "pairs": [["en", "nl"], ["nl", "en"]],
        "target_tags": True,
        "licence": "GPL-3.0-or-later; trained on sentences of Tatoeba (CC BY 2.0 FR)",
    }
    (out / "model.json").write_text(json.dumps(model_json, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--text", type=Path, help="Tatoeba pairs: english<TAB>dutch, may be .xz")
    parser.add_argument("--minutes", type=float, default=35)
    parser.add_argument("--weights", type=Path, help="keep the trained weights here, or go on from")
    parser.add_argument("--learning-rate", type=float, default=Recipe.learning_rate)
    parser.add_argument("--prefixes", type=float, default=Recipe.prefixes,
                        help="share of partial sentences; many make it stop early")  # fmt: skip
    parser.add_argument("--smoke", action="store_true", help="a toy model in under two minutes")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    recipe = Recipe(
        arguments.minutes, prefixes=arguments.prefixes, learning_rate=arguments.learning_rate
    )
    if arguments.smoke:
        recipe = Recipe(0.5, vocabulary_pieces=800, width=64, encoder_layers=1)
    natural = read_pairs(arguments.text) if arguments.text else []
    texts = [text for pair in natural for text in pair]
    texts += [text for pair in phrases.pairs(random.Random(1), 8000, "train") for text in pair]
    texts += [as_recognised(text) for text in texts]
    with tempfile.TemporaryDirectory() as name:
        pieces = learn_pieces(texts, recipe.vocabulary_pieces, Path(name))
        model = build(pieces.get_piece_size(), recipe)
        if arguments.weights and arguments.weights.exists():
            model.load_state_dict(torch.load(arguments.weights))
        print(f"{sum(p.numel() for p in model.parameters()):,} parameters", flush=True)

        def save() -> None:
            if arguments.weights:
                torch.save(model.state_dict(), arguments.weights)
            convert(model, Path(name) / "sentencepiece.model", arguments.out)

        steps = train(model, Examples(pieces, natural, recipe), recipe, save)
        save()
        print(f"trained {steps} steps", flush=True)


if __name__ == "__main__":
    main()
