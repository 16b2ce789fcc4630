"""python -m training.translation.card --model DIR --data DIR: measures it and writes its card.

The figures are of the test sets: measure a model that is finished, once. What was learnt from
comes from DIR.checkpoint. No figure in the card is typed by hand.
"""

import argparse
import random
from pathlib import Path
from typing import Final

from server.interpretation.ctranslate2_translator import PART_PIECES
from training import phrases
from training.data import DATA
from training.translation.augment import plain
from training.translation.convert import LICENCE
from training.translation.corpus import Corpus, Foreign, read_corpora
from training.translation.measure import ODD_INPUTS, Measured, bleu_figures
from training.translation.recipe import Recipe
from training.translation.train import Progress, Training

LANGUAGES: Final = {"en": "English", "nl": "Dutch", "de": "German", "fr": "French"}
CARD: Final = """\
# translation: a starter translation between English and Dutch, and into German and French

{megabytes:.1f} MB, made to show Tolk at work on a fresh machine and to run its tests. For a real
audience use full-size models: `docs/operations.md` says how.

## What it is

A Transformer ({encoder} encoder layers, {decoder} decoder layers, width {width}, {millions:.1f}
million parameters) in CTranslate2's format, weights in int8, one model for all directions. The
source is

    >>nl<< piece piece … </s>

with the target language as its first token and pieces of `sentencepiece.model`. Dutch goes into
German and French by way of English.

## What it learnt from

Sentence pairs of Tatoeba (https://tatoeba.org, CC BY 2.0 FR), by its contributors:

{corpora}

No sentence of a test or development set is in any of them, in any language, case and punctuation
ignored: that dropped {dropped:,} pairs. Half of the sources were as a recogniser writes (lower
case, no punctuation, mostly numbers in words), some were beginnings of sentences with the part of
the translation that they cover; names and numbers that stand on both sides were often swapped for
others. One example in {grammar:.0f} is of Tolk's own grammar of host speech
(`training/phrase_grammar.txt`).

Licence of the model: {licence}.

## How to make it again

    python -m training.translation --out FOLDER --data DATA --hours {hours:.1f}
    python -m training.translation.card --model FOLDER --data DATA

{steps:,} steps, {pieces:.0f} million target pieces. `training/requirements.txt` says what it needs.

## Measured

By the second command, as the server translates, on sentences that were not trained on (sacrebleu):

| from | to | sentences | BLEU | without case and punctuation |
|---|---|---|---|---|
{bleu}

{grammar_lines}
- Names and numbers swapped into test sentences that came through, English to Dutch: {kept:.0f} %.
- Of {odd:,} odd inputs (nothing, one letter, figures, noise, 200 words, other languages) ran
  away, looped or were refused: {runaways}.
- CPU time of an English sentence of twelve words into Dutch: {milliseconds:.1f} ms on one core.

## What it cannot do

- It knows the words of everyday sentences. What is rarer it misses, leaves out or replaces: rely
  on it for the gist, and on nothing where a word matters.
- It knows no context beyond the sentence; of more than about {longest} pieces it translates parts.
- Whom "you" and "je" address, it guesses; Tatoeba's sentences mostly say "je", "du" and "tu".
"""


def card(
    measured: Measured,
    corpora: dict[Foreign, Corpus],
    recipe: Recipe,
    progress: Progress,
    parameters: int,
) -> str:
    """The card's text, from figures measured now."""
    scores = bleu_figures(measured, corpora, "test")
    tested = {foreign: len(corpus.test) for foreign, corpus in corpora.items()}
    rows = []
    for source, target in measured.directions:
        foreign = next(found for found in corpora if found in (source, target))
        name = f"{source}-{target}"
        rows.append(
            f"| {LANGUAGES[source]} | {LANGUAGES[target]} | {tested[foreign]:,} "
            f"| {scores[name]:.1f} | {scores[name + ' plain']:.1f} |"
        )
    held_out = phrases.distinct_pairs(random.Random(11), 300, "held-out")
    host = [
        f"- Held-out phrases of the grammar without case and punctuation, {LANGUAGES[source]} to "
        f"{LANGUAGES[target]}:\n  {measured.bleu(held_out, (source, target), plain):.1f} BLEU."
        for source, target in measured.directions
        if {source, target} == {"en", "nl"}
    ]
    dutch = corpora["nl"].test
    return CARD.format(
        megabytes=measured.megabytes,
        encoder=recipe.encoder_layers,
        decoder=recipe.decoder_layers,
        width=recipe.width,
        millions=parameters / 1e6,
        corpora="\n".join(
            f"- English and {LANGUAGES[foreign]}: {len(corpus.train):,} pairs."
            for foreign, corpus in corpora.items()
        ),
        dropped=sum(corpus.dropped for corpus in corpora.values()),
        grammar=1 / recipe.grammar,
        licence=LICENCE,
        hours=progress.seconds / 3600,
        steps=progress.step,
        pieces=progress.target_pieces / 1e6,
        bleu="\n".join(rows),
        grammar_lines="\n".join(host),
        kept=100 * measured.kept(dutch, "nl"),
        odd=ODD_INPUTS,
        runaways=measured.runaways([text for pair in dutch for text in pair], ODD_INPUTS),
        milliseconds=measured.milliseconds(dutch),
        longest=PART_PIECES,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="training.translation.card", description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=DATA)
    arguments = parser.parse_args()
    model: Path = arguments.model
    training = Training.load(model.with_name(model.name + ".checkpoint"), Recipe(), "cpu")
    corpora = read_corpora(arguments.data)
    parameters = sum(weight.numel() for weight in training.average.values())
    text = card(Measured(model), corpora, training.recipe, training.progress, parameters)
    (model / "MODEL_CARD.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
