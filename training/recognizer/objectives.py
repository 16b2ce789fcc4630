"""The losses for training: of single outputs, and of whole sequences."""

import copy

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from training.recognizer.network import Tdnn
from training.recognizer.sequence import SequenceLoss

_FRAMES_IN_SEQUENCE = 0.3
_NO_OUTPUT = -100


class FrameLoss(nn.Module):
    """Cross-entropy of every output."""

    def forward(self, network: Tdnn, deep: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss for activations made by `Tdnn.deep`."""
        return _cross_entropy(network.out(deep), targets)


class FrameAndSequenceLoss(nn.Module):
    """The log-ratio of the spoken sequence to all others. A second head with a frame loss keeps the
    network close to the alignment."""

    def __init__(
        self, outputs: npt.NDArray[np.int16], network: Tdnn, priors: npt.NDArray[np.float64]
    ) -> None:
        """`outputs`: all aligned outputs. `network` was trained frame by frame; here its outputs
        are converted to likelihoods."""
        super().__init__()
        self.sequence = SequenceLoss(outputs, network.outputs)
        self.head = copy.deepcopy(network.out)
        with torch.no_grad():
            network.out.bias -= torch.from_numpy(np.log(np.maximum(priors, 1e-5))).float()

    def forward(self, network: Tdnn, deep: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss for activations made by `Tdnn.deep`."""
        scores = torch.log_softmax(network.out(deep).float(), 2)
        held = _cross_entropy(self.head(deep), targets)
        return self.sequence(scores, targets) + _FRAMES_IN_SEQUENCE * held


def _cross_entropy(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(
        scores.float().flatten(0, 1), targets.flatten(), ignore_index=_NO_OUTPUT
    )
