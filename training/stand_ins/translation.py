"""Makes a translation model of OPUS-MT's size: Marian's "transformer-align" as CTranslate2 runs it,
6 + 6 layers of width 512, 58,101 pieces, int8."""

import shutil
from pathlib import Path
from typing import Any, Final

import numpy as np
import sentencepiece
from ctranslate2.specs import TransformerSpec, common_spec
from numpy.typing import NDArray

LAYERS, WIDTH, HEADS, INNER = 6, 512, 8, 2048
PIECES: Final = 58_101
POSITIONS: Final = 512
PIECES_FILE: Final = "sentencepiece.model"


def write(like: Path, folder: Path) -> None:
    """Write a model into ``folder``. It splits text into the pieces of the model ``like``; the
    other pieces occur only in its output."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    spec = TransformerSpec.from_config(
        (LAYERS, LAYERS), HEADS, pre_norm=False, activation=common_spec.Activation.SWISH
    )
    embedding = _weights(rng, PIECES, WIDTH)
    spec.encoder.embeddings[0].weight = embedding
    spec.decoder.embeddings.weight = embedding
    spec.decoder.projection.weight = embedding
    spec.decoder.projection.bias = np.zeros(PIECES, np.float32)
    for side in (spec.encoder, spec.decoder):
        side.position_encodings.encodings = _weights(rng, POSITIONS, WIDTH)
        for layer in side.layer:
            _attention(rng, layer.self_attention, [3 * WIDTH, WIDTH])
            if side is spec.decoder:
                _attention(rng, layer.attention, [WIDTH, 2 * WIDTH, WIDTH])
            _norm(layer.ffn.layer_norm)
            _linear(rng, layer.ffn.linear_0, INNER, WIDTH)
            _linear(rng, layer.ffn.linear_1, WIDTH, INNER)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(like / PIECES_FILE))
    known = [pieces.id_to_piece(at) for at in range(pieces.get_piece_size())]
    vocabulary = known + [f"<{number}>" for number in range(PIECES - len(known))]
    spec.register_source_vocabulary(vocabulary)
    spec.register_target_vocabulary(vocabulary)
    spec.config.unk_token = "<unk>"
    spec.config.eos_token = spec.config.bos_token = spec.config.decoder_start_token = "</s>"
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))
    shutil.copy(like / PIECES_FILE, folder / PIECES_FILE)


def _weights(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    return rng.normal(0, 1 / np.sqrt(shape[-1]), shape).astype(np.float32)


def _linear(rng: np.random.Generator, spec: Any, out: int, inside: int) -> None:
    spec.weight = _weights(rng, out, inside)
    spec.bias = np.zeros(out, np.float32)


def _attention(rng: np.random.Generator, spec: Any, sizes: list[int]) -> None:
    _norm(spec.layer_norm)
    for linear, size in zip(spec.linear, sizes, strict=True):
        _linear(rng, linear, size, WIDTH)


def _norm(spec: Any) -> None:
    spec.gamma = np.ones(WIDTH, np.float32)
    spec.beta = np.zeros(WIDTH, np.float32)
