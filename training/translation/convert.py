"""Writes trained weights as a CTranslate2 model in int8, using CTranslate2's own specification."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import sentencepiece
from ctranslate2.specs import TransformerSpec, common_spec
from torch import Tensor

from training.translation import pieces
from training.translation.network import POSITIONS, sinusoids
from training.translation.recipe import Direction, Recipe

NAME: Final = "translation"
LICENCE: Final = "GPL-3.0-or-later; MODEL_CARD.md says what it learnt from"
Weights = Mapping[str, Tensor]


def write(
    weights: Weights, recipe: Recipe, model: bytes, directions: Sequence[Direction], out: Path
) -> None:
    """Write model.bin, its vocabulary, sentencepiece.model and model.json into ``out``.

    ``model``: the serialised SentencePiece model. ``directions``: the language pairs that the model
    is for.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / pieces.FILE).write_bytes(model)
    spec = specification(weights, recipe, pieces.load(out))
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(out))
    description = {
        "name": NAME,
        "kind": "translation",
        "pairs": [list(direction) for direction in directions],
        "target_tags": True,
        "number_signs": True,
        "reranks": True,
        "licence": LICENCE,
    }
    (out / "model.json").write_text(json.dumps(description, indent=2) + "\n")


def specification(
    weights: Weights, recipe: Recipe, processor: sentencepiece.SentencePieceProcessor
) -> TransformerSpec:
    """The weights in the places where CTranslate2 expects them."""
    spec = TransformerSpec.from_config(
        (recipe.encoder_layers, recipe.decoder_layers),
        recipe.heads,
        pre_norm=True,
        activation=common_spec.Activation.RELU,
    )
    embedding = weights["embedding.weight"].float().numpy()
    positions = sinusoids(POSITIONS, recipe.width).numpy()
    spec.encoder.embeddings[0].weight = embedding
    spec.decoder.embeddings.weight = embedding
    spec.decoder.projection.weight = embedding
    for side, name in ((spec.encoder, "encoder"), (spec.decoder, "decoder")):
        side.position_encodings.encodings = positions
        _norm(side.layer_norm, weights, f"{name}_norm")
        for at, layer in enumerate(side.layer):
            prefix = f"{name}.{at}"
            _attention(layer.self_attention, weights, f"{prefix}.self", [["query", "key", "value"]])
            if name == "decoder":
                _attention(
                    layer.attention, weights, f"{prefix}.cross", [["query"], ["key", "value"]]
                )
            _norm(layer.ffn.layer_norm, weights, f"{prefix}.feed_forward_norm")
            _linear(layer.ffn.linear_0, weights, [f"{prefix}.feed_forward.inner"])
            _linear(layer.ffn.linear_1, weights, [f"{prefix}.feed_forward.out"])
    vocabulary = [processor.id_to_piece(at) for at in range(processor.get_piece_size())]
    spec.register_source_vocabulary(vocabulary)
    spec.register_target_vocabulary(vocabulary)
    spec.config.unk_token = vocabulary[pieces.UNKNOWN_ID]
    spec.config.eos_token = spec.config.bos_token = vocabulary[pieces.END_ID]
    spec.config.decoder_start_token = vocabulary[pieces.END_ID]
    return spec


def _attention(spec: Any, weights: Weights, prefix: str, inputs: list[list[str]]) -> None:
    """``inputs``: the projections that are one matrix in CTranslate2."""
    _norm(spec.layer_norm, weights, f"{prefix}_norm")
    for linear, names in zip(spec.linear, [*inputs, ["out"]], strict=True):
        _linear(linear, weights, [f"{prefix}_attention.{name}" for name in names])


def _linear(spec: Any, weights: Weights, names: list[str]) -> None:
    spec.weight = np.concatenate([weights[f"{name}.weight"].float().numpy() for name in names])


def _norm(spec: Any, weights: Weights, name: str) -> None:
    spec.gamma = weights[f"{name}.weight"].float().numpy()
    spec.beta = np.zeros_like(spec.gamma)
