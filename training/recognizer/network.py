"""The acoustic model: a factored time-delay network (Povey et al. 2018, "TDNN-F").

The ends of its input are repeated, as Kaldi does at the ends of an utterance, and it computes only
outputs with complete context. So every BatchNorm can be merged into its neighbours when the network
is written.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from training.recognizer.frames import CEPSTRA, SUBSAMPLING
from training.recognizer.kaldi import SKIP, Layer, Matrix, Vector


@dataclass(frozen=True)
class Shape:
    """Widths of the layers, and how far back and ahead each factored layer looks, in frames of 10
    ms.

    The first layer sees 5 frames. The first factored one sees 3, and keeps every third.
    """

    width: int = 512
    narrow: int = 128
    back: tuple[int, ...] = (3, 3, 3, 6, 6, 6, 6)
    ahead: tuple[int, ...] = (3, 3, 3, 3, 3, 3, 0)

    @property
    def left(self) -> int:
        """Frames of context before an output."""
        return 3 + sum(self.back)

    @property
    def right(self) -> int:
        """Frames of context after an output. They delay the first words."""
        return 3 + sum(self.ahead)


class Factored(nn.Module):
    """A linear layer to a narrow width (now and `back` outputs ago), then an affine one from there
    (now and `ahead`)."""

    def __init__(self, width: int, narrow: int, back: int, ahead: int) -> None:
        super().__init__()
        self.back, self.ahead = back, ahead
        self.linear = nn.Linear(width * (2 if back else 1), narrow, bias=False)
        self.affine = nn.Linear(narrow * (2 if ahead else 1), width)
        self.norm = nn.BatchNorm1d(width, affine=False)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        narrow = self.linear(_with(hidden, self.back))
        raised = torch.relu(self.affine(_with(narrow, self.ahead)))
        end = hidden.shape[1] - self.ahead
        return normed(self.norm, raised) + SKIP * hidden[:, self.back : end]


class Dropout(nn.Module):
    """Drops a unit of [batch, time, width] for a whole piece (Gal & Ghahramani 2016), which needs
    few random numbers: one for each moment took a sixth of the training time."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return hidden
        kept = torch.rand(hidden.shape[0], 1, hidden.shape[2], device=hidden.device) >= self.rate
        return hidden * (kept / (1 - self.rate)).to(hidden.dtype)


class Tdnn(nn.Module):
    """[batch, frames, 40] to [batch, (frames - left - right - 1) / 3 + 1, outputs], before
    softmax."""

    def __init__(self, shape: Shape, outputs: int) -> None:
        super().__init__()
        self.shape, self.outputs = shape, outputs
        self.scale = nn.BatchNorm1d(CEPSTRA, affine=False)
        self.first = nn.Linear(5 * CEPSTRA, shape.width)
        self.first_norm = nn.BatchNorm1d(shape.width, affine=False)
        self.thin = nn.Linear(3 * shape.width, shape.narrow, bias=False)
        self.thick = nn.Linear(shape.narrow, shape.width)
        self.thick_norm = nn.BatchNorm1d(shape.width, affine=False)
        self.layers = nn.ModuleList(
            Factored(shape.width, shape.narrow, back // SUBSAMPLING, ahead // SUBSAMPLING)
            for back, ahead in zip(shape.back, shape.ahead, strict=True)
        )
        self.narrow_out = nn.Linear(shape.width, 2 * shape.narrow, bias=False)
        self.out = nn.Linear(2 * shape.narrow, outputs)
        self.drop = Dropout(0.08)

    def share(self, other: "Tdnn") -> None:
        """Share all layers but the outputs with `other` from now on."""
        for name, module in other.named_children():
            if name != "out":
                setattr(self, name, module)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.out(self.deep(features))

    def deep(self, features: torch.Tensor) -> torch.Tensor:
        """The activations from which the outputs are computed."""
        features = normed(self.scale, features)
        frames = features.shape[1] - 4
        spliced = torch.cat([features[:, at : at + frames] for at in range(5)], 2)
        hidden = normed(self.first_norm, torch.relu(self.first(spliced)))
        count = (frames - 3) // SUBSAMPLING + 1
        parts = [hidden[:, at : at + SUBSAMPLING * count : SUBSAMPLING] for at in range(3)]
        hidden = torch.relu(self.thick(self.thin(torch.cat(parts, 2))))
        hidden = normed(self.thick_norm, hidden)
        for layer in self.layers:
            hidden = self.drop(layer(hidden))
        return self.narrow_out(hidden)


def normed(norm: nn.Module, hidden: torch.Tensor) -> torch.Tensor:
    """BatchNorm over [batch, time, width]."""
    return norm(hidden.reshape(-1, hidden.shape[-1])).reshape(hidden.shape)


def _with(hidden: torch.Tensor, shift: int) -> torch.Tensor:
    """Each moment side by side with the one `shift` before it: [.., time - shift, 2 width]."""
    if not shift:
        return hidden
    return torch.cat([hidden[:, :-shift], hidden[:, shift:]], 2)


def layers(network: Tdnn) -> list[Layer]:
    """The network without its BatchNorms. Each scales by a positive number, which passes through
    the ReLU before it, and adds a constant, which goes into the bias of the next layer."""
    shape = network.shape
    scale, mean = _scale_and_constant(network.scale)
    first, constant = _raised("first", "input", (-2, -1, 0, 1, 2), network.first,
                              network.first_norm, mean, scale)  # fmt: skip
    thin = _plain("thin", "first", (-1, 0, 1), network.thin, constant)
    thick, constant = _raised("thick", "thin", (0,), network.thick, network.thick_norm, None)
    found, source = [first, thin, thick], "thick"
    for number, layer in enumerate(network.layers, 1):
        back, ahead = shape.back[number - 1], shape.ahead[number - 1]
        narrow = _plain(f"narrow{number}", source, (-back, 0) if back else (0,), layer.linear,
                        constant)  # fmt: skip
        wide, added = _raised(f"wide{number}", narrow.name, (0, ahead) if ahead else (0,),
                              layer.affine, layer.norm, None, skip=source)  # fmt: skip
        found += [narrow, wide]
        constant, source = added + SKIP * constant, wide.name
    last = _plain("last", source, (0,), network.narrow_out, constant)
    return [*found, last, _plain("output", "last", (0,), network.out, None)]


def _numbers(values: torch.Tensor) -> Matrix:
    return values.detach().double().numpy()


def _scale_and_constant(norm: nn.BatchNorm1d) -> tuple[Vector, Vector]:
    assert norm.running_mean is not None and norm.running_var is not None
    scale = 1 / np.sqrt(_numbers(norm.running_var) + norm.eps)
    return scale, -_numbers(norm.running_mean) * scale


def _plain(
    name: str,
    source: str,
    offsets: tuple[int, ...],
    linear: nn.Linear,
    constant: Vector | None,
    scale: Vector | None = None,
) -> Layer:
    """A layer for a source that lacks `constant` and should have been multiplied by `scale`."""
    weight = _numbers(linear.weight)
    bias = _numbers(linear.bias) if linear.bias is not None else np.zeros(len(weight))
    if constant is not None:
        bias = bias + weight @ np.tile(constant, len(offsets))
    if scale is not None:
        weight = weight * np.tile(scale, len(offsets))
    return Layer(name, source, offsets, weight, bias)


def _raised(
    name: str,
    source: str,
    offsets: tuple[int, ...],
    linear: nn.Linear,
    norm: nn.BatchNorm1d,
    constant: Vector | None,
    scale: Vector | None = None,
    skip: str = "",
) -> tuple[Layer, Vector]:
    """A layer with a ReLU and the BatchNorm after it, and the constant that the layer should
    add."""
    plain = _plain(name, source, offsets, linear, constant, scale)
    after, added = _scale_and_constant(norm)
    weight, bias = plain.weight * after[:, None], plain.bias * after
    return Layer(name, source, offsets, weight, bias, relu=True, skip=skip), added
