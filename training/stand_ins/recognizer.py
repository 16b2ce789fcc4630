"""Makes a recogniser with an acoustic network of Vosk-small's size. It is the recogniser of a given
folder, with a second network beside the first one whose output has no influence. So the search
works with real scores, in a real graph.

The network is factored like Kaldi's TDNN-F (Povey et al. 2018, "Semi-Orthogonal Low-Rank Matrix
Factorization for Deep Neural Networks"), with 12 layers of 640 through 96 and 3,000 outputs: about
4 million parameters, 16 MB, like am/final.mdl of vosk-model-small-en-us-0.15. Vosk's larger graph
and its i-vectors are left out.
"""

import re
import shutil
import struct
from pathlib import Path
from typing import Final

import numpy as np

CEPSTRA: Final = 40
WIDTH, BOTTLENECK, OUTPUTS = 640, 96, 3000
#: The distances, in frames, of the inputs that a layer joins. The first layer joins three adjacent
#: frames.
STRIDES: Final = (1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3, 3)
CONTEXT: Final = 1 + sum(STRIDES)
#: The weight of the second network's output. With zero, it might be optimised away.
SAY: Final = 1e-6
_INT: Final = struct.Struct("<bi")


def write(like: Path, folder: Path) -> int:
    """Write a slower version of the recogniser ``like`` into ``folder``. Returns the number of
    parameters added."""
    shutil.copytree(like, folder, dirs_exist_ok=True)
    file = folder / "am/final.mdl"
    model = file.read_bytes()
    found = re.search(rb"output-node name=output input=(\S+) ", model)
    count_at = model.index(b"<NumComponents> ") + len(b"<NumComponents> ")
    end = model.index(b"</Nnet3> ")
    assert found is not None
    outputs = _outputs(model)
    lines, components, parameters = _network(outputs)
    mixed = b"Sum(" + found[1] + b", Scale(%g, beside.out))" % SAY
    count = _INT.unpack_from(model, count_at)[1] + len(components)
    tail = model[end:]
    for name in (b"<LeftContext> ", b"<RightContext> "):
        at = tail.index(name) + len(name)
        frames = max(CONTEXT, _INT.unpack_from(tail, at)[1])
        tail = tail[:at] + _INT.pack(4, frames) + tail[at + _INT.size :]
    file.write_bytes(
        b"".join(
            (
                model[: found.start()],
                lines,
                model[found.start() : found.start(1)],
                mixed,
                model[found.end(1) : count_at],
                _INT.pack(4, count),
                model[count_at + _INT.size : end],
                *components,
                tail,
            )
        )
    )
    return parameters


def _outputs(model: bytes) -> int:
    """The number of the network's outputs: that of its priors."""
    at = model.index(b"<Priors> FV ") + len(b"<Priors> FV ")
    return int(_INT.unpack_from(model, at)[1])


def _network(outputs: int) -> tuple[bytes, list[bytes], int]:
    """The lines of its nodes, its components, and their number of parameters."""
    rng = np.random.default_rng(0)
    lines: list[str] = []
    components: list[bytes] = []
    parameters = 0

    def affine(name: str, source: str, inside: int, out: int) -> str:
        nonlocal parameters
        parameters += out * (inside + 1)
        weight = rng.normal(0, inside**-0.5, (out, inside)).astype("<f4")
        lines.append(f"component-node name=beside.{name} component=beside.{name} input={source}")
        components.append(
            _named(f"beside.{name}", "FixedAffineComponent")
            + (b"<LinearParams> FM " + _INT.pack(4, out) + _INT.pack(4, inside) + weight.tobytes())
            + (b"<BiasParams> FV " + _INT.pack(4, out) + bytes(4 * out))
            + b"</FixedAffineComponent> "
        )
        return f"beside.{name}"

    def relu(name: str, source: str, width: int) -> str:
        lines.append(f"component-node name=beside.{name} component=beside.{name} input={source}")
        components.append(_rectified(f"beside.{name}", width))
        return f"beside.{name}"

    spliced = "Append(Offset(input, -1), input, Offset(input, 1))"
    x = relu("first", affine("first.affine", spliced, 3 * CEPSTRA, WIDTH), WIDTH)
    for number, stride in enumerate(STRIDES):
        before = f"Append(Offset({x}, -{stride}), {x})"
        narrow = affine(f"l{number}.linear", before, 2 * WIDTH, BOTTLENECK)
        after = f"Append({narrow}, Offset({narrow}, {stride}))"
        wide = affine(f"l{number}.affine", after, 2 * BOTTLENECK, WIDTH)
        x = relu(f"l{number}", wide, WIDTH)
    scores = affine("scores", affine("prefinal", x, WIDTH, 2 * BOTTLENECK), 2 * BOTTLENECK, OUTPUTS)
    affine("out", scores, OUTPUTS, outputs)
    return ("\n".join(lines) + "\n").encode(), components, parameters


def _named(name: str, kind: str) -> bytes:
    return f"<ComponentName> {name} <{kind}> ".encode()


def _rectified(name: str, width: int) -> bytes:
    none = b"DV " + _INT.pack(4, 0)
    return b"".join(
        (
            _named(name, "RectifiedLinearComponent"),
            b"<Dim> " + _INT.pack(4, width),
            b"<ValueAvg> " + none,
            b"<DerivAvg> " + none,
            b"<Count> " + struct.pack("<bd", 8, 0.0),
            b"</RectifiedLinearComponent> ",
        )
    )
