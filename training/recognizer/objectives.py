"""What a network is taught by: every output, and what was said as a whole."""

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


def _cross_entropy(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(
        scores.float().flatten(0, 1), targets.flatten(), ignore_index=_NO_OUTPUT
    )
