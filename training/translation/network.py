"""The network: a Transformer that trains quickly on one core and that CTranslate2 can run.

It normalises before each block (Xiong et al. 2020), has no biases, and shares one embedding between
source, target and output. Matrix products run in bfloat16 if the processor has it, as GPUs do: that
is four times as fast. A target starts with END, as in fairseq.
"""

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.translation.pieces import END_ID
from training.translation.recipe import Recipe

POSITIONS: Final = 512
#: Targets with this value are padding and do not count in the loss.
IGNORED: Final = -1
#: Scores computed at once: as many as fit into the cache, or keep a GPU busy.
_CHUNK_TOKENS: Final = {"cpu": 512, "cuda": 8192}


#: The type in which matrix products are computed.
LEAN: Final = (
    torch.bfloat16
    if torch.cuda.is_available() or torch.cpu._is_avx512_bf16_supported()
    else torch.float32
)


class Attention(nn.Module):
    """Attention with ``heads`` heads. Queries come from one sequence, keys and values from
    another."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor, context: Tensor, hidden: Tensor | None) -> Tensor:
        """x [B, T, width], context [B, S, width], hidden [B or 1, 1, T or 1, S]: true where a
        position must not be seen."""
        q, k, v = (
            made.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for made in (self.query(x), self.key(context), self.value(context))
        )
        # Not scaled_dot_product_attention: its gradient is eight times slower for such short rows.
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        if hidden is not None:
            scores = scores.masked_fill(hidden, -1e4)
        heard = scores.softmax(-1).to(v.dtype) @ v
        return self.out(heard.transpose(1, 2).flatten(2))


class Dropout(nn.Module):
    """Drops a unit in a whole sentence (Gal & Ghahramani 2016), which needs few random numbers."""

    rate = 0.0

    def forward(self, x: Tensor) -> Tensor:
        """x [B, T, width]."""
        if not self.training or self.rate == 0:
            return x
        kept = torch.rand(x.shape[0], 1, x.shape[2], device=x.device) >= self.rate
        return x * (kept / (1 - self.rate)).to(x.dtype)


class FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Linear(width, 4 * width, bias=False)
        self.out = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(F.relu(self.inner(x)))


class Layer(nn.Module):
    """One layer. ``crossed``: a layer of the decoder, which also attends to the encoder."""

    def __init__(self, recipe: Recipe, crossed: bool) -> None:
        super().__init__()
        width = recipe.width
        self.dropout = Dropout()
        self.self_norm = nn.LayerNorm(width, bias=False)
        self.self_attention = Attention(width, recipe.heads)
        if crossed:
            self.cross_norm = nn.LayerNorm(width, bias=False)
            self.cross_attention = Attention(width, recipe.heads)
        self.feed_forward_norm = nn.LayerNorm(width, bias=False)
        self.feed_forward = FeedForward(width)

    def forward(
        self,
        x: Tensor,
        hidden: Tensor | None,
        memory: Tensor | None = None,
        memory_hidden: Tensor | None = None,
    ) -> Tensor:
        """``hidden``: the positions of x, and of the encoder's memory, that must not be seen."""
        normed = self.self_norm(x).to(LEAN)
        x = x + self.dropout(self.self_attention(normed, normed, hidden))
        if memory is not None:
            x = x + self.dropout(
                self.cross_attention(self.cross_norm(x).to(LEAN), memory, memory_hidden)
            )
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class Network(nn.Module):
    def __init__(self, vocabulary: int, recipe: Recipe) -> None:
        super().__init__()
        width = recipe.width
        self.embedding = nn.Embedding(vocabulary, width)
        self.scale = math.sqrt(width)
        self.smoothing = recipe.label_smoothing
        self.dropout = Dropout()
        self.encoder = nn.ModuleList(Layer(recipe, False) for _ in range(recipe.encoder_layers))
        self.encoder_norm = nn.LayerNorm(width, bias=False)
        self.decoder = nn.ModuleList(Layer(recipe, True) for _ in range(recipe.decoder_layers))
        self.decoder_norm = nn.LayerNorm(width, bias=False)
        self.register_buffer("positions", sinusoids(POSITIONS, width), persistent=False)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        for name, weight in self.named_parameters():
            if name.endswith("out.weight"):  # at first each block has almost no effect
                nn.init.normal_(weight, std=0.2 * weight.shape[1] ** -0.5)

    def drop(self, rate: float) -> None:
        """Set the dropout rate."""
        for module in self.modules():
            if isinstance(module, Dropout):
                module.rate = rate

    def forward(self, source: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
        """The loss per target piece, in nats.

        source [B, S] and lengths [B]; target [B, T], IGNORED after its end.
        """
        places = torch.arange(source.shape[1], device=source.device)
        padding = (places >= lengths[:, None])[:, None, None, :]
        hidden = padding if bool(padding.any()) else None  # mostly none: see by_length
        memory = self._embed(source)
        for layer in self.encoder:
            memory = layer(memory, hidden)
        memory = self.encoder_norm(memory).to(LEAN)
        wanted = target != IGNORED
        shifted = F.pad(target.masked_fill(~wanted, END_ID)[:, :-1], (1, 0), value=END_ID)
        x = self._embed(shifted)
        future = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
        for layer in self.decoder:
            x = layer(x, future[None, None], memory, hidden)
        states = self.decoder_norm(x)[wanted]
        return SmoothedLoss.apply(
            states, self.embedding.weight, target[wanted], self.smoothing if self.training else 0.0
        )

    def _embed(self, ids: Tensor) -> Tensor:
        embedded = self.embedding(ids) * self.scale + self.positions[: ids.shape[1]]
        return self.dropout(embedded)


class SmoothedLoss(torch.autograd.Function):
    """Mean cross entropy with label smoothing. Its gradients are computed with it, a chunk at a
    time.

    So the scores of a whole batch (thousands of tokens by the vocabulary) never exist at once, and
    nothing is computed twice.
    """

    @staticmethod
    def forward(ctx, states, embedding, wanted, smoothing):  # type: ignore[no-untyped-def]
        """states [N, width], embedding [V, width], wanted [N]."""
        count, vocabulary = len(wanted), len(embedding)
        weight = embedding.to(LEAN)
        state_gradient = torch.empty_like(states, dtype=torch.float32)
        weight_gradient = torch.zeros_like(embedding)
        loss = states.new_zeros((), dtype=torch.float32)
        size = _CHUNK_TOKENS[states.device.type]
        for start in range(0, count, size):
            part = slice(start, start + size)
            chunk, right = states[part].to(LEAN), wanted[part, None]
            scores = (chunk @ weight.T).float()
            likely = (1 - smoothing) * scores.gather(1, right) + smoothing * scores.mean(1, True)
            highest = scores.amax(1, keepdim=True)
            exponents = scores.sub_(highest).exp_()
            total = exponents.sum(1, keepdim=True)
            loss += (total.log() + highest - likely).sum()
            gradient = exponents.mul_(1 / (count * total)).sub_(smoothing / vocabulary / count)
            gradient.scatter_add_(1, right, gradient.new_full(right.shape, (smoothing - 1) / count))
            lean = gradient.to(LEAN)
            state_gradient[part] = lean @ weight
            weight_gradient += (lean.T @ chunk).float()
        ctx.save_for_backward(state_gradient.to(states.dtype), weight_gradient)
        return loss / count

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        state_gradient, weight_gradient = ctx.saved_tensors
        return gradient * state_gradient, gradient * weight_gradient, None, None


def sinusoids(positions: int, width: int) -> Tensor:
    """Positional encodings [positions, width] (Vaswani et al. 2017), sines first."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    angles = torch.arange(positions)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1)
