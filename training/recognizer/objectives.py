"""What a network is taught by: every output, what was said as a whole, another's speech."""

import copy

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from training.recognizer.network import Tdnn
from training.recognizer.sequence import SequenceLoss

_FRAMES_IN_SEQUENCE = 0.3
_ALSO = 0.3
_NO_OUTPUT = -100
_MOST_OUTPUTS = 256
"""Labels are bytes."""


class FrameLoss(nn.Module):
    """Cross-entropy of every output."""

    def forward(self, network: Tdnn, deep: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Of what `Tdnn.deep` made."""
        return _cross_entropy(network.out(deep), targets)


class FrameAndSequenceLoss(nn.Module):
    """The ratio of what was said to anything else, held near the frames by a head of its own."""

    def __init__(
        self, outputs: npt.NDArray[np.int16], network: Tdnn, priors: npt.NDArray[np.float64]
    ) -> None:
        """`outputs`: all that were aligned. `network` was trained frame by frame; its outputs
        become likelihoods here."""
        super().__init__()
        self.sequence = SequenceLoss(outputs, network.outputs)
        self.head = copy.deepcopy(network.out)
        with torch.no_grad():
            network.out.bias -= torch.from_numpy(np.log(np.maximum(priors, 1e-5))).float()

    def forward(self, network: Tdnn, deep: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Of what `Tdnn.deep` made."""
        scores = torch.log_softmax(network.out(deep).float(), 2)
        held = _cross_entropy(self.head(deep), targets)
        return self.sequence(scores, targets) + _FRAMES_IN_SEQUENCE * held


class AlsoFor(nn.Module):
    """An objective, and beside it another language's outputs learn from this one's speech where
    the phones are alike: of it many more people may have been recorded (Schultz & Waibel 2001)."""

    def __init__(
        self,
        objective: nn.Module,
        other: Tdnn,
        phones: dict[int, int],
        priors: npt.NDArray[np.float64] | None = None,
    ) -> None:
        """`phones`: see `phones.alike`. `priors`: of the other's outputs, where those are
        likelihoods."""
        super().__init__()
        self.objective, self.other = objective, other
        table = torch.full((_MOST_OUTPUTS,), _NO_OUTPUT)
        for ours, theirs in phones.items():
            table[2 * ours], table[2 * ours + 1] = 2 * theirs, 2 * theirs + 1
        self.register_buffer("table", table)
        logs = torch.zeros(other.outputs)
        if priors is not None:
            logs = torch.from_numpy(np.log(np.maximum(priors, 1e-5))).float()
        self.register_buffer("priors", logs)

    def forward(self, network: Tdnn, deep: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Of what `Tdnn.deep` made."""
        theirs = torch.where(targets < 0, targets, self.table[targets.clamp(min=0)])
        beside = _cross_entropy(self.other.out(deep) + self.priors, theirs)
        own: torch.Tensor = self.objective(network, deep, targets)
        return own + _ALSO * beside


def _cross_entropy(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(
        scores.float().flatten(0, 1), targets.flatten(), ignore_index=_NO_OUTPUT
    )
