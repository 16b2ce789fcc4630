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
    """The synthesizer that is copied, as `teacher_of` takes it."""


TONGUES: Final[dict[Language, Tongue]] = {
    "en": Tongue("English", "en-us", "flite:slt"),
    "nl": Tongue("Dutch", "nl", "espeak:nl"),
    "de": Tongue("German", "de", "espeak:de"),
    "fr": Tongue("French", "fr", "espeak:fr"),
}
