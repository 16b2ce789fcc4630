"""The teacher of each language's voice."""

from dataclasses import dataclass
from typing import Final

from training.data import Language


@dataclass(frozen=True)
class Tongue:
    name: str
    espeak_voice: str
    """The espeak-ng voice whose phonemes Piper gives the voice."""
    teacher: str
    """A person's recordings (``recordings:FOLDER``, in corpora/), or a synthesizer's name for
    `teacher_of`."""


TONGUES: Final[dict[Language, Tongue]] = {
    "en": Tongue("English", "en-us", "flite:slt"),
    "nl": Tongue("Dutch", "nl", "recordings:nathalie-nl"),
    "de": Tongue("German", "de", "recordings:kerstin-de"),
    "fr": Tongue("French", "fr", "espeak:fr"),
}
