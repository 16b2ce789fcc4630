"""What a voice was made from, kept beside it for its card."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from training.data import Language

LICENCE: Final = "GPL-3.0-or-later; trained on sentences of Tatoeba (CC BY 2.0 FR)"
PERSON: Final = "recordings"
"""Of a teacher's name what comes before the colon, where a person is one."""


@dataclass(frozen=True)
class History:
    language: Language
    teacher: str
    start: str
    """Name of the voice it began as; empty: from nothing."""
    minutes: float
    """Of speech, at most."""
    phrases: bool
    """Whether half of the sentences were phrases of the grammar."""
    hours: float
    """Of processor time."""
    steps: int
    unseen: int
    """Sentences that it was only tried on."""
    losses: dict[str, float]
    """On those, by name."""

    @classmethod
    def read(cls, folder: Path) -> "History":
        """That of the voice in `folder`. Raises FileNotFoundError."""
        return cls(**json.loads(_beside(folder).read_text(encoding="utf-8")))

    def write(self, folder: Path) -> None:
        text = json.dumps(asdict(self), indent=2) + "\n"
        _beside(folder).write_text(text, encoding="utf-8")


def describe(language: Language, folder: Path) -> None:
    """Write model.json, from which a manifest is made."""
    name = f"voice-{language}"
    model = {"name": name, "kind": "voice", "languages": [language], "licence": LICENCE}
    (folder / "model.json").write_text(json.dumps(model, indent=2) + "\n", encoding="utf-8")


def _beside(folder: Path) -> Path:
    return folder.with_name(folder.name + ".training.json")
