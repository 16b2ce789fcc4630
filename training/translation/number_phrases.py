"""Sentences with signs for numbers, made by rules, as texts to learn from. Imports no PyTorch."""

from pathlib import Path
from typing import Final

from training.data import LANGUAGES
from training.translation.library import Text

KIND: Final = "numbers"


def texts() -> list[Text]:
    """One text for each pair of languages."""
    lines = Path(__file__).with_suffix(".txt").read_text("utf-8").splitlines()
    rows = [line.split(" | ") for line in lines if line and not line.startswith("#")]
    return [
        Text(f"{KIND}-{first}-{second}", KIND, (first, second), [(row[i], row[j]) for row in rows])
        for i, first in enumerate(LANGUAGES)
        for j, second in enumerate(LANGUAGES)
        if i < j
    ]
