"""BLEU of a starter translation model, in and outside the phrase grammar.

python -m training.evaluate_translation --model DIR --text tatoeba-en-nl.test.tsv.xz
"""

import argparse
import random
import time
from pathlib import Path

import ctranslate2
import sacrebleu
import sentencepiece

from training import phrases
from training.tatoeba import read_pairs
from training.translation import as_recognised


class Translator:
    """A CTranslate2 folder with sentencepiece.model and target tags."""

    def __init__(self, folder: Path) -> None:
        self._model = ctranslate2.Translator(str(folder), intra_threads=1, inter_threads=1)
        self._pieces = sentencepiece.SentencePieceProcessor(
            model_file=str(folder / "sentencepiece.model")
        )

    def translate(
        self, texts: list[str], target: phrases.Language, beam_size: int = 1
    ) -> list[str]:
        """One translation a text."""
        sources = [
            [f">>{target}<<", *self._pieces.encode(text, out_type=str), "</s>"] for text in texts
        ]
        results = self._model.translate_batch(sources, beam_size=beam_size, max_decoding_length=100)
        return [self._pieces.decode(result.hypotheses[0]) for result in results]


def report(name: str, translator: Translator, pairs: list[phrases.Pair], shown: int) -> None:
    """Print BLEU both ways, for natural text and for text as a recogniser writes it."""
    for target_side in (1, 0):
        target = phrases.LANGUAGES[target_side]
        references = [pair[target_side] for pair in pairs]
        for style, change in (("natural", str), ("recognised", as_recognised)):
            sources = [change(pair[1 - target_side]) for pair in pairs]
            started = time.process_time()
            translated = translator.translate(sources, target)
            each_ms = 1000 * (time.process_time() - started) / len(sources)
            bleu = sacrebleu.corpus_bleu(translated, [references]).score
            exact = sum(a == b for a, b in zip(translated, references, strict=True))
            line = f"{name:12} to {target} from {style:10} {len(pairs):4} sentences"
            line += f"  BLEU {bleu:5.1f}  {100 * exact / len(pairs):3.0f} % exact"
            print(f"{line}  {each_ms:.1f} ms")
        for row in list(zip(sources, references, translated, strict=True))[:shown]:
            print("    " + "\n      ".join(row))


def main() -> None:
    parser = argparse.ArgumentParser(description="BLEU of a starter translation model.")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--text", type=Path, help="Tatoeba test pairs")
    parser.add_argument("--sentences", type=int, default=500)
    parser.add_argument("--show", type=int, default=0)
    arguments = parser.parse_args()
    translator = Translator(arguments.model)
    rng = random.Random(11)
    held_out = phrases.distinct_pairs(rng, arguments.sentences, "held-out")
    report("phrases", translator, held_out, arguments.show)
    if arguments.text:
        tatoeba = rng.sample(read_pairs(arguments.text), arguments.sentences)
        report("Tatoeba", translator, tatoeba, arguments.show)


if __name__ == "__main__":
    main()
