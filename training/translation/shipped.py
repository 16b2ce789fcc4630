"""Reads the weights of a CTranslate2 model, to continue training a shipped model.

It is the inverse of ``convert``. The weights come back from int8, so they are a little less exact.
The format: CTranslate2's documentation, and ``ctranslate2.specs.model_spec``, which writes it.
"""

import re
import struct
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.translation.recipe import Recipe

_VERSION: Final = 6
_TYPES: Final = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}

Variables = dict[str, NDArray[np.generic]]


def weights(folder: Path, recipe: Recipe) -> dict[str, Tensor]:
    """The weights by their names in ``network.Network``. A model with fewer layers than the recipe
    has only those. Raises ValueError if the network in ``folder`` has another width, or more
    layers."""
    variables = _read(folder / "model.bin")
    made = {"embedding.weight": _matrix(variables, "decoder/embeddings")}
    for side, most in (("encoder", recipe.encoder_layers), ("decoder", recipe.decoder_layers)):
        made[f"{side}_norm.weight"] = _tensor(variables, f"{side}/layer_norm/gamma")
        norms = re.compile(rf"{side}/layer_\d+/ffn/layer_norm/gamma")
        layers = sum(map(bool, map(norms.fullmatch, variables)))
        if layers > most:
            raise ValueError(f"{folder} has {layers} layers in its {side}; the recipe has {most}")
        for at in range(layers):
            made |= _layer(variables, f"{side}/layer_{at}", f"{side}.{at}", side == "decoder")
    if made["embedding.weight"].shape[1] != recipe.width:
        raise ValueError(f"{folder} is not of width {recipe.width}")
    return made


def _layer(variables: Variables, there: str, here: str, crossed: bool) -> dict[str, Tensor]:
    made = _attention(variables, f"{there}/self_attention", f"{here}.self", (3, 1))
    if crossed:
        made |= _attention(variables, f"{there}/attention", f"{here}.cross", (1, 2, 1))
    made[f"{here}.feed_forward_norm.weight"] = _tensor(variables, f"{there}/ffn/layer_norm/gamma")
    made[f"{here}.feed_forward.inner.weight"] = _matrix(variables, f"{there}/ffn/linear_0")
    made[f"{here}.feed_forward.out.weight"] = _matrix(variables, f"{there}/ffn/linear_1")
    return made


def _attention(
    variables: Variables, there: str, here: str, parts: tuple[int, ...]
) -> dict[str, Tensor]:
    """``parts``: how many projections each of CTranslate2's matrices contains."""
    projections = [
        part
        for at, count in enumerate(parts)
        for part in _matrix(variables, f"{there}/linear_{at}").chunk(count)
    ]
    names = ("query", "key", "value", "out")
    made = {f"{here}_norm.weight": _tensor(variables, f"{there}/layer_norm/gamma")}
    for name, projection in zip(names, projections, strict=True):
        made[f"{here}_attention.{name}.weight"] = projection.clone()
    return made


def _matrix(variables: Variables, name: str) -> Tensor:
    """A matrix in float32, from int8 with a scale for each row."""
    weight = _tensor(variables, f"{name}/weight")
    scale = variables.get(f"{name}/weight_scale")
    return weight if scale is None else weight / _tensor(variables, f"{name}/weight_scale")[:, None]


def _tensor(variables: Variables, name: str) -> Tensor:
    return torch.from_numpy(variables[name].astype(np.float32))


def _read(path: Path) -> Variables:
    """All variables of a model.bin. Raises ValueError if the format has another version."""
    data = memoryview(path.read_bytes())
    place = 0

    def number(kind: str) -> int:
        nonlocal place
        (value,) = struct.unpack_from(f"<{kind}", data, place)
        place += struct.calcsize(kind)
        return int(value)

    def string() -> str:
        nonlocal place
        length = number("H")
        text = bytes(data[place : place + length - 1]).decode()
        place += length
        return text

    if (version := number("I")) != _VERSION:
        raise ValueError(f"{path} is of version {version} of CTranslate2's format, not {_VERSION}")
    string()
    number("I")
    variables: Variables = {}
    for _ in range(number("I")):
        name = string()
        shape = [number("I") for _ in range(number("B"))]
        kind = _TYPES[number("B")]
        length = number("I")
        variables[name] = np.frombuffer(data[place : place + length], kind).reshape(shape)
        place += length
    for _ in range(number("I")):
        alias, name = string(), string()
        variables[alias] = variables[name]
    return variables
