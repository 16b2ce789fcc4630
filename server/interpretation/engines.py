"""The interfaces of the engines. Calls block, and run in threads of the interpreter process; an
engine is never called from two threads at once."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from server.interpretation.types import Pcm, Transcript


class EngineError(Exception):
    """An engine failed on one clause. The clause is dropped and counted; the stream goes on."""


class ModelError(Exception):
    """A model is missing, broken or of the wrong kind. The message names the folder and what to
    do."""


class RecognizerStream(Protocol):
    """Recognition of one speaker's audio, in order. Holds the state; the model is shared."""

    @property
    def pause_samples(self) -> int | None:
        """After this many samples without speech the caller must call ``finish``. None: the
        recogniser finds the ends of utterances itself."""

    def accept(self, pcm: Pcm) -> Transcript | None:
        """Recognise 16 kHz mono int16. Returns a new partial or final transcript, or None if
        nothing changed. Word times count samples from the first ``accept``. Raises EngineError."""

    def finish(self) -> Transcript | None:
        """No audio follows for now. Returns the rest as a final transcript; None if there is
        none. Raises EngineError."""


class LanguageIdentifier(Protocol):
    """Identifies the spoken language."""

    def identify(self, pcm: Pcm) -> Mapping[str, float]:
        """The probability, 0 to 1, of each known language in ``pcm``: 16 kHz mono int16, one to
        30 s of speech. Raises EngineError."""


class Recognizer(Protocol):
    """Speech recognition of one language, for any number of speakers."""

    language: str

    def stream(self) -> RecognizerStream:
        """A new stream, for one speaker."""


@runtime_checkable
class AdaptableRecognizer(Recognizer, Protocol):
    """A recogniser that can be made to expect certain words."""

    def expecting(self, words: Sequence[str]) -> tuple[Recognizer, dict[str, str]]:
        """Make a recogniser that expects ``words`` (single, in lower case). Returns it, and the
        words that it cannot expect, with the reasons. May take seconds; callable from any thread.
        Raises ModelError."""


class SpeechDetector(Protocol):
    """Detects speech in one speaker's audio, window by window."""

    window_samples: int

    def speech(self, pcm: Pcm) -> Sequence[float]:
        """Take the next audio, 16 kHz mono int16. Returns the probability of speech, 0 to 1, of
        each window that it completes. Raises EngineError."""


class Translator(Protocol):
    """Translation of text between one or more pairs of languages."""

    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        """Translate ``text``, as a recogniser writes it: perhaps without case and punctuation. The
        translation begins with ``prefix``, but may lengthen its last word. Raises EngineError."""


class Synthesizer(Protocol):
    """A voice of one language; its audio has a sample rate of ``rate_hz``."""

    language: str
    rate_hz: int

    def synthesize(self, text: str, length_scale: float) -> Pcm:
        """Speak ``text``: mono int16. ``length_scale``: the length of sounds; 1.0 is the voice's
        own pace, less is faster. Empty if there is nothing to pronounce. Raises EngineError."""
