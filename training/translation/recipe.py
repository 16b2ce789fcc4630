"""The size of the network, and the shares of its training material. Imports no PyTorch."""

from dataclasses import dataclass, field
from typing import Final

from training.data import Language

Direction = tuple[Language, Language]

#: How often each direction is drawn. English and Dutch have the most users. Between Dutch and
#: French, translation through English is better, even if the model learns it directly (200
#: sentences of ``library.rooms``: 27 and 23 BLEU, directly 21 each way). The others are better
#: directly, or keep more numbers.
SHARES: Final[dict[Direction, float]] = {
    ("en", "nl"): 0.18, ("nl", "en"): 0.18,
    ("en", "de"): 0.115, ("de", "en"): 0.115,
    ("en", "fr"): 0.14, ("fr", "en"): 0.14,
    ("nl", "de"): 0.04, ("de", "nl"): 0.04,
    ("de", "fr"): 0.025, ("fr", "de"): 0.025,
}  # fmt: skip
#: Shares of a direction's examples, by kind of text.
KINDS: Final = {
    "tatoeba": 0.60,
    "verses": 0.18,
    "manuals": 0.14,
    "numbers": 0.05,
    "dictionary": 0.03,
}


@dataclass(frozen=True)
class Recipe:
    """Sizes in units, pieces and tokens; shares of all examples between 0 and 1."""

    vocabulary: int = 6000
    width: int = 256
    heads: int = 4
    encoder_layers: int = 6
    decoder_layers: int = 2  # shallow: Kasai et al. 2021
    dropout: float = 0.0  # in three hours of one core a pair is seen about three times
    dropout_from: float = 0.0
    """The share of the training time after which dropout begins."""
    batch_tokens: int = 16000
    """Pieces of source and target in one step, padding included."""
    learning_rate: float = 4e-3
    warm_up_steps: int = 150
    final_share: float = 0.45
    """The last part of the training time, in which the learning rate falls to zero."""
    label_smoothing: float = 0.1
    average: float = 0.997
    """Decay per step of the moving average of the weights: about the last 300 steps."""
    shares: dict[Direction, float] = field(default_factory=lambda: dict(SHARES))
    kinds: dict[str, float] = field(default_factory=lambda: dict(KINDS))
    archaic: float = 0.3
    """How often a pair in old spelling is drawn, relative to others of its kind."""
    grammar: float = 0.05
    """The share of sentences made by training/phrase_grammar.txt, besides ``shares``."""
    recognised: float = 0.4
    prefixes: float = 0.05
    joined: float = 0.1
    """The share of examples that are followed by another sentence."""
    names: float = 0.4
    """The share of pairs with a name on both sides whose name is replaced by another."""


#: The fields that are the network's shape, which cannot change during training.
SHAPE: Final = ("width", "heads", "encoder_layers", "decoder_layers")

#: For a GPU: there the network can be as large as the size of the shipped model allows.
GPU: Final = Recipe(
    width=384, heads=6, encoder_layers=6, decoder_layers=2, batch_tokens=32000, learning_rate=5e-3,
    warm_up_steps=500, average=0.9995, dropout=0.2, dropout_from=0.0,
)  # fmt: skip
SMOKE: Final = Recipe(
    vocabulary=1000, width=64, heads=2, encoder_layers=1, decoder_layers=1, batch_tokens=3000,
    warm_up_steps=20, average=0.9, grammar=0.5,
)  # fmt: skip
