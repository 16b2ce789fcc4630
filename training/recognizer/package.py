"""Writes a trained network, lexicon and language model as a folder that Vosk loads."""

import json
from pathlib import Path

from training import phrases
from training.recognizer import features, graph, kaldi
from training.recognizer.network import Trained
from training.recognizer.phones import BOUNDARY, Inventory
from training.recognizer.speech import Lexicon

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
_TRAINED_ENOUGH = 5e-4  # an output rarer than this in training says nothing reliable


def write(
    out: Path,
    trained: Trained,
    lexicon: Lexicon,
    sentences: list[str],
    language: phrases.Language,
    *,
    acoustic_scale: float = 0.35,
) -> None:
    """`sentences` (normalised, words of the vocabulary only) teach the language model."""
    inventory = Inventory(language)
    words = list(phrases.vocabulary(language))
    for folder in ("am", "graph/phones", "conf"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    (out / "am/final.mdl").write_bytes(kaldi.model(trained, inventory))
    (out / "conf/mfcc.conf").write_text(features.MFCC_CONF)
    (out / "conf/model.conf").write_text(MODEL_CONF.format(acoustic_scale=acoustic_scale))

    heard = {
        phone
        for phone in inventory.phones
        if trained.priors[inventory.first_output(phone)] >= _TRAINED_ENOUGH
    }
    lexicon_fst = graph.lexicon_graph(lexicon, words, inventory, heard)
    lexicon_fst.write(out / "graph/HCLr.fst", sort_by_output=True)
    language_fst = graph.language_graph(sentences, words)
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
        "licence": "GPL-3.0-or-later; word order partly from Tatoeba (CC BY 2.0 FR)",
    }
    (out / "model.json").write_text(json.dumps(model_json, indent=2) + "\n")


def _numbered(path: Path, names: list[str]) -> None:
    lines = [f"{name} {number}\n" for number, name in enumerate(names)]
    path.write_text("".join(lines), encoding="utf-8")
