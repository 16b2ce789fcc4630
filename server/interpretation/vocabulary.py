"""A stream's recogniser, which comes to expect the words of its glossary, and moves to other
models.

A recogniser that expects other words is made in a thread of its own, while the old one goes on.
Another one takes over where nothing is being said, so that no word is cut in two; it hears again
what came since the last word. The old one is freed then.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Final, TypeVar

import numpy as np

from server.bus.messages import RATE_HZ
from server.interpretation.engines import (
    AdaptableRecognizer,
    ModelError,
    Recognizer,
    RecognizerStream,
)
from server.interpretation.hesitations import without_hesitations
from server.interpretation.types import Pcm, Transcript

T = TypeVar("T")
Words = tuple[str, ...]
Made = tuple[Recognizer, dict[str, str]]

#: So long after a final word, with no other begun, nothing is being said.
PAUSE: Final = 4 * RATE_HZ // 10
#: Who waits for a pause for longer takes over after any final word.
PATIENCE: Final = 10 * RATE_HZ
#: A recogniser that takes over hears so much again, at most: a word may have begun that the old
#: one has not told of yet.
RUN_UP: Final = 3 * RATE_HZ

_log = logging.getLogger(__name__)


class ExpectingRecognizer:
    """``words``: those to expect, at any time. ``unusable``: those of them that cannot be, and
    why. Used by one thread, but for ``move``."""

    def __init__(
        self, recognizer: Recognizer, words: Callable[[], Words], thread: Executor
    ) -> None:
        self.language = recognizer.language
        self.unusable: dict[str, str] = {}
        self._plain = self._made_of = self._latest = recognizer
        self._words = words
        self._thread = thread
        self._expects: Words = ()
        self._making: Future[Made] | None = None
        self._lock = threading.RLock()

    def stream(self) -> "ExpectingStream":
        """As engines has it."""
        return ExpectingStream(self)

    def move(self, recognizer: Recognizer) -> None:
        """Hear with this one from now on; from any thread. The old one is kept until this one
        expects what that expected."""
        with self._lock:
            self._plain = recognizer
            self._make()

    def latest(self) -> Recognizer:
        """The one to hear with from now on. Has another one made where the words changed."""
        with self._lock:
            self._make()
            return self._latest

    def _make(self) -> None:
        plain, words = self._plain, self._words()
        if self._making or (words == self._expects and plain is self._made_of):
            return
        self._expects, self._made_of = words, plain
        if words and isinstance(plain, AdaptableRecognizer):
            self._making = self._thread.submit(plain.expecting, words)
            self._making.add_done_callback(self._take)
        else:
            self._latest, self.unusable = plain, {}

    def _take(self, made: Future[Made]) -> None:
        if made.cancelled():  # the process ends
            return
        with self._lock:
            try:
                self._latest, self.unusable = made.result()
            except ModelError as error:
                _log.warning("the words of a glossary cannot be expected: %s", error)
                self._latest = self._made_of
                unusable = "cannot be expected: the log says why"
                self.unusable = dict.fromkeys(self._expects, unusable)
            self._making = None
            self._make()


class ExpectingStream:
    """One speaker, heard with the latest recogniser from one pause to the next."""

    def __init__(self, owner: ExpectingRecognizer) -> None:
        self._owner = owner
        self._recognizer = owner.latest()
        self._stream: RecognizerStream = self._recognizer.stream()
        self._heard = 0
        self._from = 0  # the recogniser heard all from here on
        self._said = 0  # up to here its words are final
        self._speaking = False  # words that are not final follow
        self._waited = 0
        self._since: Pcm = np.zeros(0, np.int16)  # the sound since the last final word

    @property
    def pause_samples(self) -> int | None:
        """As engines has it."""
        return self._stream.pause_samples

    def accept(self, pcm: Pcm) -> Transcript | None:
        """As engines has it."""
        latest = self._owner.latest()
        if latest is not self._recognizer and self._may_move():
            self._recognizer, self._stream = latest, latest.stream()
            self._from = self._heard - len(self._since)
            self._waited = 0
            transcript = self._stream.accept(np.concatenate((self._since, pcm)))
        else:
            self._waited += len(pcm) if latest is not self._recognizer else 0
            transcript = self._stream.accept(pcm)
        self._heard += len(pcm)
        self._since = np.concatenate((self._since, pcm))[-RUN_UP:]
        return self._told(transcript)

    def finish(self) -> Transcript | None:
        """As engines has it."""
        transcript = self._told(self._stream.finish())
        self._said = self._heard - PAUSE
        self._since = self._since[:0]
        self._speaking = False
        return transcript

    def _may_move(self) -> bool:
        pauses = self._heard - self._said >= PAUSE or self._waited >= PATIENCE
        return not self._speaking and (pauses or not self._heard)

    def _told(self, transcript: Transcript | None) -> Transcript | None:
        if transcript is None:
            return None
        transcript = transcript.shifted(self._from)
        transcript = without_hesitations(transcript, self._recognizer.language)
        self._speaking = bool(transcript.words) and not transcript.final
        if transcript.final:
            self._said = transcript.words[-1].end_sample if transcript.words else self._heard
            left = min(len(self._since), max(0, self._heard - self._said))
            self._since = self._since[len(self._since) - left :]
        return transcript
