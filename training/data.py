"""Where the material to train on lies, and the languages there is some for. No PyTorch here."""

import os
from pathlib import Path
from typing import Final, Literal

Language = Literal["en", "nl", "de", "fr"]

LANGUAGES: Final[tuple[Language, ...]] = ("en", "nl", "de", "fr")
#: Unless `--data` says otherwise: $TOLK_DATA, else beside the checkout.
DATA: Final = Path(os.environ.get("TOLK_DATA", Path(__file__).parents[2] / "shared" / "data"))
