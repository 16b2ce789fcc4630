"""The folder of training material, and the languages that it is for. Imports no PyTorch."""

import os
from pathlib import Path
from typing import Final, Literal

Language = Literal["en", "nl", "de", "fr"]

LANGUAGES: Final[tuple[Language, ...]] = ("en", "nl", "de", "fr")
#: The default of `--data`: $TOLK_DATA, or else a folder beside the checkout.
DATA: Final = Path(os.environ.get("TOLK_DATA", Path(__file__).parents[2] / "shared" / "data"))
