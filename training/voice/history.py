"""What a voice was made from. It is kept beside the voice, for its model card."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from training.data import Language

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
    parameters: int
    unseen: int
    """Sentences that it was only tried on."""
    losses: dict[str, float]
    """On those, by name."""

    @property
    def licence(self) -> str:
        """The licence of the voice, and of what it learnt from."""
        kind, _, which = self.teacher.partition(":")
        of = f"recordings of {which} (CC0)" if kind == PERSON else "Tatoeba (CC BY 2.0 FR)"
        return f"GPL-3.0-or-later; learnt from {of}"

    @classmethod
    def read(cls, folder: Path) -> "History":
        """The history of the voice in `folder`. Raises FileNotFoundError."""
        return cls(**json.loads(_beside(folder).read_text(encoding="utf-8")))

    def write(self, folder: Path) -> None:
        text = json.dumps(asdict(self), indent=2) + "\n"
        _beside(folder).write_text(text, encoding="utf-8")


def describe(history: History, folder: Path, read_back_wrong: float | None = None) -> None:
    """Write model.json, from which a manifest is made. ``read_back_wrong``: percentage of words, if
    measured."""
    model: dict[str, object] = {
        "name": f"voice-{history.language}",
        "kind": "voice",
        "languages": [history.language],
        "licence": history.licence,
    }
    if read_back_wrong is not None:
        model["read_back_wrong"] = read_back_wrong
    (folder / "model.json").write_text(json.dumps(model, indent=2) + "\n", encoding="utf-8")


def _beside(folder: Path) -> Path:
    return folder.with_name(folder.name + ".training.json")
