"""What the interpreter asks of an engine. Calls block and run in a thread of the
interpreter's; none is called from two threads at a time."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from server.interpretation.types import Pcm, Transcript


class EngineError(Exception):
    """An engine failed on this clause: it is dropped and counted, the stream lives."""


class ModelError(Exception):
    """A model is missing, broken or of the wrong kind. Names the folder and the remedy."""


class RecognizerStream(Protocol):
    """One speaker's sound, in order. Holds per-speaker state; the model is shared."""

    @property
    def pause_samples(self) -> int | None:
        """After so long without speech ``finish`` is to be called; None where it finds the ends
        of utterances itself."""

    def accept(self, pcm: Pcm) -> Transcript | None:
        """Hear 16 kHz mono int16. Returns a new partial or final transcript, or None when
        nothing changed. Word times count samples from the first ``accept``."""

    def finish(self) -> Transcript | None:
        """Nothing more comes for now: the rest as a final transcript."""


class LanguageIdentifier(Protocol):
    """Tells which language is spoken."""

    def identify(self, pcm: Pcm) -> Mapping[str, float]:
        """How likely each language that it knows is the one spoken in ``pcm``, 16 kHz mono
        int16, one to 30 s of speech. Probabilities from 0 to 1. Raises EngineError."""


class Recognizer(Protocol):
    """Recognises speech in one language; shared by all streams."""

    language: str

    def stream(self) -> RecognizerStream:
        """A new listener to one speaker."""


@runtime_checkable
class AdaptableRecognizer(Recognizer, Protocol):
    """A recogniser that can be told which words to expect."""

    def expecting(self, words: Sequence[str]) -> tuple[Recognizer, dict[str, str]]:
        """Another one that expects ``words``, single ones in lower case, and those that it
        cannot expect, with the reason. May take seconds, in any thread. Raises ModelError."""


class SpeechDetector(Protocol):
    """Of one speaker's sound, in order: does anybody speak?"""

    window_samples: int

    def speech(self, pcm: Pcm) -> Sequence[float]:
        """Hear 16 kHz mono int16. Returns how likely each window that it completes is speech,
        from 0 to 1."""


class Translator(Protocol):
    """Translates text between the languages that it has models for."""

    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        """``text`` as a recogniser sends it (no case, no punctuation) in ``target``. The
        translation begins with ``prefix``, whose last word it may make longer."""


class Synthesizer(Protocol):
    """Speaks text in one language, with one voice."""

    language: str
    rate_hz: int

    def synthesize(self, text: str, length_scale: float) -> Pcm:
        """``text`` spoken at ``rate_hz``; 1.0 is the voice's own pace, less is faster.
        Empty where there is nothing to pronounce."""
