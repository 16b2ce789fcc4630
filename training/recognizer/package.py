"""Writes a trained network, lexicon and language model as a folder that Vosk loads."""

import json
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from training import phrases
from training.recognizer import features, fst, graph, kaldi, text
from training.recognizer.language_graph import language_graph
from training.recognizer.language_model import Trigrams, estimate
from training.recognizer.lexicon import frequencies
from training.recognizer.network import layers
from training.recognizer.phones import BOUNDARY, Inventory
from training.recognizer.speech import Lexicon
from training.recognizer.train import Trained

MODEL_CONF = """\
--min-active=200
--max-active=3000
--beam=12.0
--lattice-beam=4.0
--acoustic-scale={acoustic_scale}
--frame-subsampling-factor=3
--frames-per-chunk=12
--endpoint.silence-phones=1
--endpoint.rule2.min-trailing-silence=0.5
--endpoint.rule3.min-trailing-silence=0.75
--endpoint.rule4.min-trailing-silence=1.0
"""
LICENCES: dict[phrases.Language, str] = {
    "en": "GPL-3.0-or-later; learnt from Tatoeba (CC BY 2.0 FR) and LibriSpeech (CC BY 4.0)",
    "nl": "GPL-3.0-or-later; learnt from Tatoeba (CC BY 2.0 FR)",
}
_TRAINED_ENOUGH = 5e-4  # an output rarer than this in training is not reliable


@dataclass(frozen=True)
class Tuning:
    """Settings that are chosen by development speech."""

    acoustic_scale: float = 0.9
    unknown_cost: float = 25.0
    """Of "[unk]", in nats. Of a voice that it never heard a network is unsure: where this is as
    cheap as a word, whole sentences become "[unk]", which is left out."""
    prior_scale: float = 1.0


_DEFAULT = Tuning()


def write(
    out: Path,
    trained: Trained,
    lexicon: Lexicon,
    model: Trigrams,
    language: phrases.Language,
    tuning: Tuning = _DEFAULT,
) -> None:
    """Write the folder. `model` numbers the words of `lexicon` in their order from 1, see
    `word_list`."""
    inventory = Inventory(language)
    words = word_list(lexicon)
    for folder in ("am", "graph/phones", "conf"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    priors = trained.priors**tuning.prior_scale
    shape = trained.network.shape
    am = kaldi.model(layers(trained.network), priors, shape.left, shape.right, inventory)
    (out / "am/final.mdl").write_bytes(am)
    (out / "am/global_cmvn.stats").write_bytes(kaldi.global_mean(trained.mean.astype(np.float64)))
    (out / "conf/mfcc.conf").write_text(features.MFCC_CONF)
    (out / "conf/model.conf").write_text(MODEL_CONF.format(acoustic_scale=tuning.acoustic_scale))

    heard = {
        phone
        for phone in inventory.phones
        if trained.priors[inventory.first_output(phone)] >= _TRAINED_ENOUGH
    }
    costs = [fst.cost(float(probability)) for probability in model.one[1:-1]]
    lexicon_fst = graph.lexicon_graph(lexicon, words, costs, inventory, heard)
    lexicon_fst.write(out / "graph/HCLr.fst", sort_by_output=True)
    language_fst = language_graph(model, tuning.unknown_cost)
    language_fst.write(out / "graph/Gr.fst", sort_by_output=False)
    numbers = len(inventory.positioned)
    (out / "graph/disambig_tid.int").write_text(f"{2 * numbers + 1}\n")
    _numbered(out / "graph/words.txt", ["<eps>", *words, graph.UNKNOWN])
    named = [f"{phone}_{at}" if at else phone for phone, at in inventory.positioned]
    _numbered(out / "graph/phones.txt", ["<eps>", *named])
    kinds = [BOUNDARY.get(at, "nonword") for _, at in inventory.positioned]
    (out / "graph/phones/word_boundary.int").write_text(
        "".join(f"{number} {kind}\n" for number, kind in enumerate(kinds, 1))
    )
    model_json = {
        "name": f"recognizer-{language}",
        "kind": "recognizer",
        "languages": [language],
        "licence": LICENCES[language],
    }
    (out / "model.json").write_text(json.dumps(model_json, indent=2) + "\n")


def word_list(lexicon: Lexicon) -> list[str]:
    """The vocabulary, sorted."""
    return sorted(lexicon)


def language_model(
    data: Path, lexicon: Lexicon, language: phrases.Language, pairs: int, triples: int
) -> Trigrams:
    """A trigram model of all training sentences whose words are all known."""
    words_known = word_list(lexicon)
    number = {word: n for n, word in enumerate(words_known, 1)}
    natural = [sentence for sentence in text.tatoeba(data, language) if not text.is_dev(sentence)]
    sentences = chain(natural, text.grammar(language), text.books(data, language))
    said = (phrases.normalise(sentence).split() for sentence in sentences)
    known = ([number[word] for word in words] for words in said if number.keys() >= set(words))
    usual = frequencies(words_known, language)
    return estimate(known, len(number) + 1, most_two=pairs, most_three=triples, usual=usual)


def _numbered(path: Path, names: list[str]) -> None:
    lines = [f"{name} {number}\n" for number, name in enumerate(names)]
    path.write_text("".join(lines), encoding="utf-8")
