"""Writes am/final.mdl: transition model, nnet3 network and priors, in Kaldi's binary format.

Every phone has one state (the "chain" topology), with one output for entering it and another for
staying. Transition number 2n-1 stays in phone n, 2n enters it. Formats: Kaldi's hmm-topology.cc,
transition-model.cc, nnet-nnet.cc, nnet-simple-component.cc, am-nnet-simple.cc.
"""

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.recognizer.frames import CEPSTRA
from training.recognizer.phones import Inventory

STAY_PROBABILITY = 0.5
_PRIOR_FLOOR = 5e-4  # or a rare output would win when divided by its prior
SKIP = 0.66
"""How much of what goes into a layer is added to what comes out of it."""
Matrix = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Layer:
    """An affine layer of a written network. Nodes are identified by name; the features are "input".

    Its input is `source` at each of `offsets` (frames of 10 ms), side by side. `weight`: [out,
    offsets x in]. `skip`: a node whose output, times SKIP, is added after the ReLU.
    """

    name: str
    source: str
    offsets: tuple[int, ...]
    weight: Matrix
    bias: Vector
    relu: bool = False
    skip: str = ""


def stay(phone: int) -> int:
    """The transition number for staying in phone number `phone`."""
    return 2 * phone - 1


def enter(phone: int) -> int:
    """The transition number for entering phone number `phone`."""
    return 2 * phone


def model(
    layers: list[Layer], priors: Vector, left: int, right: int, inventory: Inventory
) -> bytes:
    """The contents of am/final.mdl. `left` and `right`: frames of context."""
    return b"".join([
        b"\0B",
        _transitions(inventory),
        _network(layers),
        _token("<LeftContext>"), _int(left),
        _token("<RightContext>"), _int(right),
        _token("<Priors>"), _vector(np.maximum(priors, _PRIOR_FLOOR)),
    ])  # fmt: skip


def _token(text: str) -> bytes:
    return text.encode() + b" "


def _int(value: int) -> bytes:
    return struct.pack("<bi", 4, value)


def _float(value: float) -> bytes:
    return struct.pack("<bf", 4, value)


def _double(value: float) -> bytes:
    return struct.pack("<bd", 8, value)


def _ints(values: list[int]) -> bytes:
    return struct.pack("<bi", 4, len(values)) + np.asarray(values, "<i4").tobytes()


def _vector(values: Vector) -> bytes:
    return _token("FV") + _int(len(values)) + values.astype("<f4").tobytes()


def _no_statistics() -> bytes:
    return _token("DV") + _int(0)


def _matrix(values: Matrix) -> bytes:
    rows, columns = values.shape
    return _token("FM") + _int(rows) + _int(columns) + values.astype("<f4").tobytes()


def _halved(values: Matrix) -> bytes:
    """A matrix in half the bytes: 16 bits a number, evenly spaced between the least and the
    greatest. Kaldi reads this wherever it reads a matrix (compressed-matrix.cc, "kTwoByte")."""
    rows, columns = values.shape
    least, reach = float(values.min()), float(np.ptp(values)) or 1.0
    steps = np.round((values - least) * (65535 / reach)).astype("<u2")
    return _token("CM2") + struct.pack("<ffii", least, reach, rows, columns) + steps.tobytes()


def _transitions(inventory: Inventory) -> bytes:
    count = len(inventory.positioned)
    parts = [
        _token("<TransitionModel>"), _token("<Topology>"),
        _ints(list(range(1, count + 1))),
        _ints([-1] + [0] * count),  # phone -> its topology, of which there is one
        _int(-1),  # entering and staying have different outputs
        _int(1),
        _int(2),  # states: one that emits, one final
        _int(0), _int(1), _int(2),
        _int(0), _float(STAY_PROBABILITY), _int(1), _float(1 - STAY_PROBABILITY),
        _int(-1), _int(-1), _int(0),
        _token("</Topology>"),
        _token("<Tuples>"), _int(count),
    ]  # fmt: skip
    for number, (phone, _) in enumerate(inventory.positioned, 1):
        first = inventory.first_output(phone)
        parts += [_int(number), _int(0), _int(first), _int(first + 1)]
    stay_enter = np.log([STAY_PROBABILITY, 1 - STAY_PROBABILITY])
    parts += [
        _token("</Tuples>"),
        _token("<LogProbs>"), _vector(np.concatenate([[0.0], np.tile(stay_enter, count)])),
        _token("</LogProbs>"), _token("</TransitionModel>"),
    ]  # fmt: skip
    return b"".join(parts)


def _network(layers: list[Layer]) -> bytes:
    """The layers. The outputs of the last one are converted to log-probabilities."""
    config = [f"input-node name=input dim={CEPSTRA}"]
    components: list[bytes] = []
    for layer in layers:
        parts = [f"Offset({layer.source}, {offset})" if offset else layer.source
                 for offset in layer.offsets]  # fmt: skip
        spliced = f"Append({', '.join(parts)})" if parts[1:] else parts[0]
        last = layer is layers[-1]
        name = f"{layer.name}.affine" if layer.relu or last else layer.name
        config.append(f"component-node name={name} component={name} input={spliced}")
        components.append(_affine(name, layer.weight, layer.bias))
        if layer.relu or last:
            kind = "LogSoftmaxComponent" if last else "RectifiedLinearComponent"
            node = f"{layer.name}.{'relu' if layer.skip else 'log' if last else ''}".rstrip(".")
            config.append(f"component-node name={node} component={node} input={name}")
            components.append(_nonlinear(node, kind, len(layer.weight)))
        if layer.skip:
            config.append(f"component-node name={layer.name} component={layer.name} "
                          f"input=Sum({node}, Scale({SKIP}, {layer.skip}))")  # fmt: skip
            components.append(_same(layer.name, len(layer.weight)))
    config.append(f"output-node name=output input={layers[-1].name}.log objective=linear")
    return b"".join([
        _token("<Nnet3>"), b"\n", "\n".join(config).encode(), b"\n\n",
        _token("<NumComponents>"), _int(len(components)), *components,
        _token("</Nnet3>"),
    ])  # fmt: skip


def global_mean(mean: Vector, frames: int = 1_000_000) -> bytes:
    """am/global_cmvn.stats: the sums of the features over `frames` frames, and of their squares,
    which Vosk does not use."""
    sums = np.append(mean, 1.0) * frames
    squares = np.append(mean**2 + 1, 0.0) * frames
    return b"\0B" + _matrix(np.stack([sums, squares]))


def _same(name: str, width: int) -> bytes:
    return b"".join([
        _token("<ComponentName>"), _token(name), _token("<NoOpComponent>"),
        _token("<Dim>"), _int(width), _token("<BackpropScale>"), _float(1.0),
        _token("</NoOpComponent>"),
    ])  # fmt: skip


def _affine(name: str, weight: Matrix, bias: Vector) -> bytes:
    return b"".join([
        _token("<ComponentName>"), _token(name), _token("<FixedAffineComponent>"),
        _token("<LinearParams>"), _halved(weight), _token("<BiasParams>"), _vector(bias),
        _token("</FixedAffineComponent>"),
    ])  # fmt: skip


def _nonlinear(name: str, kind: str, width: int) -> bytes:
    return b"".join([
        _token("<ComponentName>"), _token(name), _token(f"<{kind}>"), _token("<Dim>"), _int(width),
        _token("<ValueAvg>"), _no_statistics(), _token("<DerivAvg>"), _no_statistics(),
        _token("<Count>"), _double(0.0), _token(f"</{kind}>"),
    ])  # fmt: skip
