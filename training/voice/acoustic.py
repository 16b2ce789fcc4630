"""The acoustic model: from phoneme ids to durations, and to pitch, voicing and spectrum.

It has convolutions only, so that a whole sentence is computed at once: an encoder over phonemes, a
duration for each, each phoneme repeated for its frames, a decoder over frames. The blocks follow
ConvNeXt (Z. Liu et al., 2022), the whole follows FastSpeech (Y. Ren et al., 2019).
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.voice.features import BAND_CENTRES_HZ, ENVELOPE_POINTS

SYMBOLS: Final = 256
"""Size of Piper's phoneme id space."""
PAD_ID: Final = 0
"""Piper's "_", between all phonemes: never spoken."""
DROPOUT: Final = 0.1
"""While learning: an hour of speech is soon known by heart."""
BANDS: Final = len(BAND_CENTRES_HZ)
OUTPUTS: Final = 2 + BANDS + ENVELOPE_POINTS
"""Per subframe: log f0, voicing logit, aperiodicity, envelope."""


class Block(nn.Module):
    """A residual block: a depthwise convolution over time, then two layers at each step."""

    def __init__(self, channels: int, hidden: int, width: int, dilation: int) -> None:
        super().__init__()
        self.over_time = nn.Conv1d(
            channels, channels, width, padding=width // 2 * dilation, dilation=dilation,
            groups=channels,
        )  # fmt: skip
        self.norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, hidden)
        self.narrow = nn.Linear(hidden, channels)
        nn.init.normal_(self.narrow.weight, std=0.02)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x [B, L, channels], mask [B, L, 1] of ones and zeros."""
        y = self.over_time((x * mask).transpose(1, 2)).transpose(1, 2)
        y = self.narrow(F.relu(self.widen(self.norm(y))))
        return torch.add(x, F.dropout(y, DROPOUT, self.training))


class Acoustic(nn.Module):
    def __init__(self, channels: int = 192, decoder_channels: int = 256) -> None:
        super().__init__()
        self.symbols = nn.Embedding(SYMBOLS, channels)
        self.place = nn.Linear(4, channels)
        self.whole = nn.Linear(channels, channels)
        self.encoder = nn.ModuleList(
            Block(channels, 2 * channels, 7, dilation) for dilation in (1, 2, 4, 8, 16, 1)
        )
        self.duration_block = Block(channels, channels, 5, 1)
        self.duration = nn.Linear(channels, 1)
        self.up = nn.Linear(channels, decoder_channels)
        self.progress = nn.Linear(5, decoder_channels)
        self.decoder = nn.ModuleList(
            Block(decoder_channels, 2 * decoder_channels, 7, dilation)
            for dilation in (1, 2, 4, 1, 2, 1)
        )
        self.norm = nn.LayerNorm(decoder_channels)
        self.out = nn.Linear(decoder_channels, 2 * OUTPUTS)

    def encode(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """ids int64 [B, T], lengths int64 [B] -> states [B, T, channels], frames [B, T].

        Frames are real numbers, at normal speed.
        """
        steps = torch.arange(ids.shape[1], device=ids.device).unsqueeze(0)
        mask = (steps < lengths.unsqueeze(1)).float().unsqueeze(-1)
        at, length = steps.float(), lengths.unsqueeze(1).float()
        place = torch.stack(
            [at / length, (length - at) / 60, (at / 60).expand(ids.shape),
             (length / 100).expand(ids.shape)], -1,
        )  # fmt: skip
        embedded = self.symbols(ids)
        x = embedded + self.place(place)
        # Every phoneme gets information about the whole sentence, such as a question mark.
        x = x + F.relu((self.whole(embedded) + (mask - 1) * 1e4).amax(1, keepdim=True))
        for block in self.encoder:
            x = block(x, mask)
        y = self.duration_block(x, mask)
        with torch.autocast(ids.device.type, enabled=False):
            frames = F.softplus(self.duration(y.float()).squeeze(-1))
        return x, frames * mask.squeeze(-1) * (ids != PAD_ID).float()

    def decode(self, states: Tensor, frames: Tensor, total: int) -> Tensor:
        """states [B, T, channels], frames [B, T] whole numbers -> [B, 2 * total, OUTPUTS]."""
        ends = torch.cumsum(frames, 1)
        middle = torch.arange(total, device=states.device).float().unsqueeze(0) + 0.5
        # The phoneme of a frame is the number of phonemes that have ended. They are counted, as a
        # table of all frames by all phonemes would take gigabytes for a minute of speech.
        ended = torch.zeros_like(middle[:, :1]).expand(ends.shape[0], -1)
        ended = F.pad(ended, (0, total)).scatter_add(
            1, ends.to(torch.int64).clamp(max=total), torch.ones_like(ends)
        )
        spoken = torch.cumsum(ended, 1)[:, :-1].to(torch.int64)
        spoken = spoken.clamp(max=states.shape[1] - 1)
        up = self.up(states)
        x = torch.gather(up, 1, spoken.unsqueeze(-1).expand(-1, -1, up.shape[2]))
        end, length = torch.gather(ends, 1, spoken), torch.gather(frames, 1, spoken)
        middle = middle.expand(spoken.shape)
        since, until, whole = middle - (end - length), end - middle, ends[:, -1:]
        progress = torch.stack(
            [since / length.clamp(min=1), since / 20, until / 20, length / 20,
             middle / whole.clamp(min=1)], -1,
        )  # fmt: skip
        mask = (middle < whole).float().unsqueeze(-1)
        x = x + self.progress(progress)
        for block in self.decoder:
            x = block(x, mask)
        with torch.autocast(
            states.device.type, enabled=False
        ):  # in bfloat16 the steps of log f0 would be audible
            y = self.out(self.norm(x.float()))
        return torch.as_tensor(y.reshape(y.shape[0], -1, OUTPUTS))
