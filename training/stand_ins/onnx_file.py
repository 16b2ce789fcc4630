"""Writes ONNX files without the onnx package: only the messages that these networks need.

Protocol Buffers' wire format; field numbers from onnx.proto (IR version 8, opset 17).
"""

import math
import struct
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

FLOAT: Final = 1
INT64: Final = 7
Attribute = int | float | Sequence[int]


class Graph:
    """A network under construction. Values are identified by name. Weights are drawn when they are
    added."""

    def __init__(self, seed: int = 0) -> None:
        self.parameters = 0
        self._rng = np.random.default_rng(seed)
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        self._count = 0

    def add(
        self, kind: str, inputs: Sequence[str], output: str = "", **attributes: Attribute
    ) -> str:
        """Add a node. Returns the name of its output."""
        name = output or self._name()
        body = b"".join(_text(1, each) for each in inputs) + _text(2, name) + _text(4, kind)
        body += b"".join(_bytes(5, _attribute(*each)) for each in attributes.items())
        self._nodes.append(_bytes(1, body))
        return name

    def constant(self, values: NDArray[np.float32] | NDArray[np.int64]) -> str:
        """Add fixed values. Returns their name."""
        name = self._name()
        kind = INT64 if values.dtype == np.int64 else FLOAT
        body = b"".join(_number(1, size) for size in values.shape) + _number(2, kind)
        self._constants.append(_bytes(5, body + _text(8, name) + _bytes(9, values.tobytes())))
        return name

    def numbers(self, *values: int) -> str:
        """Add a shape or indices."""
        return self.constant(np.array(values, np.int64))

    def weights(self, *shape: int) -> str:
        """Add random weights that roughly preserve the loudness of what passes through them."""
        self.parameters += math.prod(shape)
        spread = math.prod(shape[1:]) ** -0.5
        return self.constant(self._rng.normal(0, spread, shape).astype(np.float32))

    def file(
        self, inputs: Sequence[tuple[str, int, Sequence[int | str]]], outputs: Sequence[str]
    ) -> bytes:
        """The file's contents. ``inputs``: name, kind and shape of each; variable sizes are
        names."""
        body = b"".join(self._nodes) + _text(2, "stand-in") + b"".join(self._constants)
        body += b"".join(_bytes(11, _value(*each)) for each in inputs)
        body += b"".join(_bytes(12, _value(each, FLOAT, None)) for each in outputs)
        return _number(1, 8) + _bytes(7, body) + _bytes(8, _text(1, "") + _number(2, 17))

    def _name(self) -> str:
        self._count += 1
        return f"v{self._count}"


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # as two's complement
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _attribute(name: str, value: Attribute) -> bytes:
    match value:
        case int():
            return _text(1, name) + _number(3, value) + _number(20, 2)
        case float():
            packed = _varint(2 << 3 | 5) + struct.pack("<f", value)
            return _text(1, name) + packed + _number(20, 1)
        case _:
            return _text(1, name) + b"".join(_number(8, each) for each in value) + _number(20, 7)


def _value(name: str, kind: int, shape: Sequence[int | str] | None) -> bytes:
    tensor = _number(1, kind)
    if shape is not None:
        sizes = (_text(2, size) if isinstance(size, str) else _number(1, size) for size in shape)
        tensor += _bytes(2, b"".join(_bytes(1, size) for size in sizes))
    return _text(1, name) + _bytes(2, _bytes(1, tensor))
