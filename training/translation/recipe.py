"""How large the network is and how much it sees of what. Imports no PyTorch."""

from dataclasses import dataclass, field
from typing import Final

from training.data import Language

Direction = tuple[Language, Language]

#: How often each direction is drawn. The Dutch pairs are few and what is asked of them most; into
#: English from German and French teaches to write English and to read Dutch's nearest relatives.
SHARES: Final[dict[Direction, float]] = {
    ("en", "nl"): 0.30,
    ("nl", "en"): 0.26,
    ("en", "de"): 0.14,
    ("en", "fr"): 0.14,
    ("de", "en"): 0.10,
    ("fr", "en"): 0.06,
}
#: What the model is for; the other directions only help.
SERVED: Final[tuple[Direction, ...]] = (("en", "nl"), ("nl", "en"), ("en", "de"), ("en", "fr"))


@dataclass(frozen=True)
class Recipe:
    """Sizes in units, pieces and tokens; shares of all examples between 0 and 1."""

    vocabulary: int = 6000
    width: int = 256
    heads: int = 4
    encoder_layers: int = 4
    decoder_layers: int = 2  # shallow: Kasai et al. 2021
    dropout: float = 0.0  # in three hours of one core a pair is seen some three times
    dropout_from: float = 0.0
    """The share of the time before which nothing is dropped."""
    batch_tokens: int = 8000
    """Pieces of source and target in one step, padding included."""
    learning_rate: float = 7e-3
    warm_up_steps: int = 150
    final_share: float = 0.3
    """The last part of the time, in which the learning rate falls to nothing."""
    label_smoothing: float = 0.1
    average: float = 0.997
    """Of the weights, a step: about the last 300 steps."""
    shares: dict[Direction, float] = field(default_factory=lambda: dict(SHARES))
    grammar: float = 0.07
    """Host speech of training/phrase_grammar.txt, beside the shares."""
    recognised: float = 0.5
    figures: float = 0.3
    """Of what is as recognised: that keeps its figures."""
    prefixes: float = 0.05
    joined: float = 0.05
    """Two sentences as one."""
    names: float = 0.6
    numbers: float = 0.7
    """Of the pairs that have a name or a number on both sides: those that get another."""


#: What of a recipe is the network's shape, and stays.
SHAPE: Final = ("width", "heads", "encoder_layers", "decoder_layers")

#: On a GPU there is time for as large a network as the shipped model may weigh.
GPU: Final = Recipe(
    width=384, heads=6, encoder_layers=6, decoder_layers=2, batch_tokens=32000, learning_rate=5e-3,
    warm_up_steps=500, average=0.9995, dropout=0.2, dropout_from=0.0,
)  # fmt: skip
SMOKE: Final = Recipe(
    vocabulary=1000, width=64, heads=2, encoder_layers=1, decoder_layers=1, batch_tokens=3000,
    warm_up_steps=20, average=0.9, grammar=0.5,
)  # fmt: skip
