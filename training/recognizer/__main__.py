"""Make a starter recogniser.

    python -m training.recognizer --language nl --out DIR [--text PAIRS] [--minutes 10] [--smoke]

Speaks the phrase grammar with espeak-ng (and flite, for English), spoils the speech as rooms,
microphones and Opus do, trains a small network on it and writes a folder that Vosk loads.
Needs libespeak-ng; English needs flite too.
"""

import argparse
import pickle
import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training import phrases
from training.espeak import Espeak
from training.recognizer import augment, features, package, speech
from training.recognizer.network import Corpus, train
from training.recognizer.phones import Inventory
from training.tatoeba import sentences_within


@dataclass(frozen=True)
class Amount:
    """Utterances by espeak-ng and by flite, and minutes of processor time in training."""

    espeak: int
    flite: int
    minutes: float
    width: int = 192


def spoken_corpus(
    language: phrases.Language, amount: Amount, sentences: list[str], espeak: Espeak
) -> tuple[Corpus, speech.Lexicon]:
    """Speak `sentences` in many voices; features and labels, and what was pronounced."""
    rng, noise_rng = random.Random(0), np.random.default_rng(0)
    inventory = Inventory(language)
    lexicon: speech.Lexicon = defaultdict(Counter)
    corpus = Corpus([], [])
    voices = [speech.ACCENTS[language], list(speech.VARIANTS)]
    crowd = _crowd(espeak, language, sentences, rng)
    engines = ["espeak"] * amount.espeak + ["flite"] * amount.flite
    rng.shuffle(engines)
    for count, engine in enumerate(engines):
        text = rng.choice(sentences)
        if engine == "flite":
            spoken = speech.flite(text, rng.choice(speech.FLITE_VOICES), rng.uniform(0.8, 1.25))
        else:
            spoken = speech.speak(espeak, text, "".join(map(rng.choice, voices)), rng)
            speech.count_pronunciations(spoken, lexicon)
        for _ in range(3 if engine == "flite" else 1):
            heard, stretch, lead_s = augment.as_heard(
                spoken.samples, spoken.rate_hz, noise_rng, rng.choice(crowd)
            )
            cepstra = features.mfcc(heard)
            corpus.features.append(cepstra.astype(np.float16))
            corpus.labels.append(
                features.labels(spoken.segments, len(cepstra), stretch, lead_s, inventory)
            )
        if count % 500 == 0:
            print(f"spoken {count} of {len(engines)}", flush=True)
    speech.complete(lexicon, language, espeak)
    return corpus, lexicon


def _crowd(
    espeak: Espeak, language: phrases.Language, sentences: list[str], rng: random.Random
) -> list[speech.Samples]:
    """Babble: a few recordings of several voices at once, 16 kHz."""
    crowd = []
    for _ in range(6):
        voices = []
        for _ in range(rng.randint(2, 6)):
            voice = speech.ACCENTS[language][0] + rng.choice(speech.VARIANTS)
            spoken = speech.speak(espeak, " ".join(rng.sample(sentences, 4)), voice, rng)
            voices.append(augment.resample(spoken.samples, spoken.rate_hz, augment.RATE_HZ))
        shortest = min(map(len, voices))
        crowd.append(np.sum([voice[:shortest] for voice in voices], axis=0))
    return crowd


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.recognizer", description=__doc__)
    parser.add_argument("--language", choices=phrases.LANGUAGES, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--text", type=Path, help="Tatoeba pairs: english<TAB>dutch, may be .xz")
    parser.add_argument("--minutes", type=float, default=12, help="of processor time")
    parser.add_argument("--corpus", type=Path, help="keep what was spoken here, or reuse it")
    parser.add_argument("--smoke", action="store_true", help="a toy model in under two minutes")
    arguments = parser.parse_args()
    language: phrases.Language = arguments.language
    torch.set_num_threads(1)
    torch.manual_seed(0)
    flite = 1200 if language == "en" else 0
    amount = Amount(60, 0, 0.3, 64) if arguments.smoke else Amount(7000, flite, arguments.minutes)

    side = phrases.LANGUAGES.index(language)
    grammar = [pair[side] for pair in phrases.pairs(random.Random(1), 8000, "train")]
    natural = sentences_within(arguments.text, language) if arguments.text else []
    if arguments.corpus and arguments.corpus.exists():
        corpus, lexicon = pickle.loads(arguments.corpus.read_bytes())
    else:
        corpus, lexicon = spoken_corpus(language, amount, grammar + natural, Espeak())
        if arguments.corpus:
            arguments.corpus.write_bytes(pickle.dumps((corpus, lexicon)))
    outputs = Inventory(language).outputs
    trained = train(corpus, outputs, width=amount.width, minutes=amount.minutes)
    lm_sentences = [phrases.normalise(text) for text in grammar + natural]
    package.write(arguments.out, trained, lexicon, lm_sentences, language)


if __name__ == "__main__":
    main()
