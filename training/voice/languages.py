"""Whom the voice of each language learns from."""

from dataclasses import dataclass
from typing import Final

from training.data import Language


@dataclass(frozen=True)
class Tongue:
    name: str
    espeak_voice: str
    """Whose phonemes Piper feeds the voice."""
    teacher: str
    """Whom the voice learns from: recordings of a person (``recordings:FOLDER`` of corpora/), or a
    synthesizer, as `teacher_of` takes it."""


TONGUES: Final[dict[Language, Tongue]] = {
    "en": Tongue("English", "en-us", "flite:slt"),
    "nl": Tongue("Dutch", "nl", "recordings:nathalie-nl"),
    "de": Tongue("German", "de", "recordings:kerstin-de"),
    "fr": Tongue("French", "fr", "espeak:fr"),
}
