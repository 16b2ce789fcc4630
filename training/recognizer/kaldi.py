"""Writes am/final.mdl: transition model, nnet3 network and priors, in Kaldi's binary format.

Every phone has one state (the "chain" topology): one output enters it, another stays. Transition
numbers are 2n-1 to stay in phone n and 2n to enter it. Formats: Kaldi's hmm-topology.cc,
transition-model.cc, nnet-nnet.cc, nnet-simple-component.cc, am-nnet-simple.cc.
"""

import struct

import numpy as np
import numpy.typing as npt

from training.recognizer.features import CEPSTRA
from training.recognizer.network import CONTEXT, SPLICES, Tdnn, Trained
from training.recognizer.phones import Inventory

STAY_PROBABILITY = 0.5
_PRIOR_FLOOR = 5e-4  # an output hardly ever trained must not win by division
Array = npt.NDArray[np.float64]


def stay(phone: int) -> int:
    """Transition number for staying in phone number `phone`."""
    return 2 * phone - 1


def enter(phone: int) -> int:
    """Transition number for entering phone number `phone`."""
    return 2 * phone


def model(trained: Trained, inventory: Inventory) -> bytes:
    """The whole of am/final.mdl."""
    return b"".join([
        b"\0B",
        _transitions(inventory),
        _network(trained.network),
        _token("<LeftContext>"), _int(CONTEXT),
        _token("<RightContext>"), _int(CONTEXT),
        _token("<Priors>"), _vector(np.maximum(trained.priors, _PRIOR_FLOOR)),
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


def _vector(values: Array) -> bytes:
    return _token("FV") + _int(len(values)) + values.astype("<f4").tobytes()


def _no_statistics() -> bytes:
    return _token("DV") + _int(0)


def _matrix(values: Array) -> bytes:
    rows, columns = values.shape
    return _token("FM") + _int(rows) + _int(columns) + values.astype("<f4").tobytes()


def _transitions(inventory: Inventory) -> bytes:
    count = len(inventory.positioned)
    parts = [
        _token("<TransitionModel>"), _token("<Topology>"),
        _ints(list(range(1, count + 1))),
        _ints([-1] + [0] * count),  # phone -> its topology, of which there is one
        _int(-1),  # entering and staying have outputs of their own
        _int(1),
        _int(2),  # states: one that speaks, one final
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


def _network(network: Tdnn) -> bytes:
    """Affine and ReLU layers; each BatchNorm is folded into the affine layer after it."""
    config = [f"input-node name=input dim={CEPSTRA}"]
    components: list[bytes] = []
    source = "input"
    norms = [network.scale, *network.norms]
    for index, layer in enumerate([*network.layers, network.out]):
        last = index == len(SPLICES)
        name = "output" if last else f"tdnn{index + 1}"
        offsets = (0,) if last else SPLICES[index]
        parts = [f"Offset({source}, {offset})" if offset else source for offset in offsets]
        spliced = parts[0] if last else f"Append({', '.join(parts)})"
        config.append(f"component-node name={name}.affine component={name}.affine input={spliced}")
        components.append(_affine(f"{name}.affine", *_folded(layer, norms[index])))
        kind = "LogSoftmaxComponent" if last else "RectifiedLinearComponent"
        node = f"{name}.log-softmax" if last else f"{name}.relu"
        config.append(f"component-node name={node} component={node} input={name}.affine")
        components.append(_nonlinear(node, kind, network.outputs if last else network.width))
        source = node
    config.append(f"output-node name=output input={source} objective=linear")
    return b"".join([
        _token("<Nnet3>"), b"\n", "\n".join(config).encode(), b"\n\n",
        _token("<NumComponents>"), _int(len(components)), *components,
        _token("</Nnet3>"),
    ])  # fmt: skip


def _folded(layer: object, norm: object) -> tuple[Array, Array]:
    """Weights [out, offsets x in] and bias of an affine layer that normalises its input too."""
    weight: Array = layer.weight.detach().double().numpy()  # type: ignore[attr-defined]
    bias: Array = layer.bias.detach().double().numpy()  # type: ignore[attr-defined]
    mean: Array = norm.running_mean.double().numpy()  # type: ignore[attr-defined]
    variance: Array = norm.running_var.double().numpy()  # type: ignore[attr-defined]
    scale = 1 / np.sqrt(variance + norm.eps)  # type: ignore[attr-defined]
    folded_bias = bias - np.einsum("oik,i->o", weight, mean * scale)
    folded = (weight * scale[None, :, None]).transpose(0, 2, 1).reshape(len(weight), -1)
    return folded, folded_bias


def _affine(name: str, weight: Array, bias: Array) -> bytes:
    return b"".join([
        _token("<ComponentName>"), _token(name), _token("<FixedAffineComponent>"),
        _token("<LinearParams>"), _matrix(weight), _token("<BiasParams>"), _vector(bias),
        _token("</FixedAffineComponent>"),
    ])  # fmt: skip


def _nonlinear(name: str, kind: str, width: int) -> bytes:
    return b"".join([
        _token("<ComponentName>"), _token(name), _token(f"<{kind}>"), _token("<Dim>"), _int(width),
        _token("<ValueAvg>"), _no_statistics(), _token("<DerivAvg>"), _no_statistics(),
        _token("<Count>"), _double(0.0), _token(f"</{kind}>"),
    ])  # fmt: skip
