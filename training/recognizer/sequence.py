"""Lattice-free maximum mutual information (Povey et al. 2016) on pieces of speech.

Training raises the likelihood of the phones that were said, relative to all phone sequences. The
latter are a dense bigram of phones, small enough for an exact sum: 2 states for each phone (its
first 30 ms, and the others), and all pairs in one matrix product per step.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

_TOLERANCE = 2  # outputs of 30 ms by which a phone may begin earlier or later than aligned
_IMPOSSIBLE = -1e4
_SMOOTHING = 0.5


class SequenceLoss(nn.Module):
    """The loss of scores [batch, outputs in time, network outputs] and aligned outputs (-100 after
    the end). Network outputs 2n and 2n + 1 are the first moment of phone n and its others."""

    step: torch.Tensor
    begin: torch.Tensor

    def __init__(self, labels: npt.NDArray[np.int16], outputs: int) -> None:
        """`labels`: the outputs of much speech in order, in which pairs of phones are counted."""
        super().__init__()
        phones = outputs // 2
        said = labels[labels % 2 == 0] // 2
        pairs = np.full((phones, phones), _SMOOTHING)
        np.add.at(pairs, (said[:-1], said[1:]), 1)
        follows = pairs / pairs.sum(1, keepdims=True)
        step = np.zeros((outputs, outputs))
        step[0::2, 0::2] = step[1::2, 0::2] = 0.5 * follows
        index = np.arange(phones)
        step[2 * index, 2 * index + 1] = step[2 * index + 1, 2 * index + 1] = 0.5
        counts = np.bincount(labels[labels >= 0], minlength=outputs)[:outputs] + 1.0
        self.register_buffer("step", torch.from_numpy(step).float())
        self.register_buffer("begin", torch.from_numpy(counts / counts.sum()).float())

    def forward(self, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Minus the mean log-ratio of an output."""
        there = targets >= 0
        ratio = self.said(scores, targets, there) - self.anything(scores, there)
        return -ratio.sum() / there.sum()

    def anything(self, scores: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        """Log-sum over all phone sequences, for each piece."""
        top = scores.detach().amax(2, keepdim=True)
        likely = torch.exp(scores - top)
        total = scores.new_zeros(len(scores))
        alpha = self.begin.expand(len(scores), -1)
        for time in range(scores.shape[1]):
            reached = alpha @ self.step if time else alpha
            new = reached * likely[:, time]
            size = new.sum(1)
            now = there[:, time]
            total = total + torch.where(now, torch.log(size) + top[:, time, 0], 0.0)
            alpha = torch.where(now[:, None], new / size[:, None], alpha)
        return total

    def said(
        self, scores: torch.Tensor, targets: torch.Tensor, there: torch.Tensor
    ) -> torch.Tensor:
        """Log-sum over all times near the aligned ones at which the phones may have begun."""
        enters = (targets % 2 == 0) & there
        enters[:, 0] = False  # a piece may begin within a phone
        place = enters.cumsum(1)  # the index of the phone in the piece
        count = int(place.max()) + 1
        phone = torch.zeros(len(targets), count, dtype=torch.long, device=targets.device)
        phone.scatter_reduce_(1, place, targets.clamp(min=0) // 2 * there, "amax")
        moments = scores.shape[1]
        early = place[:, (torch.arange(moments) - _TOLERANCE).clamp(min=0)]
        late = place[:, (torch.arange(moments) + _TOLERANCE).clamp(max=moments - 1)]
        order = torch.arange(count, device=targets.device)
        allowed = (order >= early[..., None]) & (order <= late[..., None])
        barred = torch.where(allowed, 0.0, _IMPOSSIBLE)
        index = phone[:, None, :].expand(-1, moments, -1)
        first = scores.gather(2, 2 * index) + barred
        other = scores.gather(2, 2 * index + 1) + barred
        nowhere = scores.new_full((len(scores), 1), _IMPOSSIBLE)
        start = torch.where(order == 0, 0.0, _IMPOSSIBLE)
        alpha = torch.logaddexp(first[:, 0], other[:, 0]) + start
        for time in range(1, moments):
            before = torch.cat([nowhere, alpha[:, :-1]], 1)
            new = torch.logaddexp(before + first[:, time], alpha + other[:, time])
            alpha = torch.where(there[:, time, None], new, alpha)
        return torch.logsumexp(alpha, 1)
