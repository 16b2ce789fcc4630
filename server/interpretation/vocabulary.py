"""A stream's recogniser, which can be replaced while the stream runs: by one that expects the words
of the stream's glossary, or by one of another model.

The new recogniser is made in another thread, while the old one is used. It takes over at a pause in
the speech, so that no word is cut in two, and gets the audio since the last word again. Then the
old one is freed.
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
from server.process import described

T = TypeVar("T")
Words = tuple[str, ...]
Made = tuple[Recognizer, dict[str, str]]

#: A pause: this long after a final word, with no other word begun.
PAUSE: Final = 4 * RATE_HZ // 10
#: A recogniser that has waited this long for a pause takes over after any final word.
PATIENCE: Final = 10 * RATE_HZ
#: A recogniser that takes over gets at most this much audio again: a word may have begun that the
#: old one has not reported yet.
RUN_UP: Final = 3 * RATE_HZ

_log = logging.getLogger(__name__)


class ExpectingRecognizer:
    """A recogniser that expects certain words. ``words``: returns the words to expect now.
    ``thread``: where recognisers are made. ``unusable``: words that cannot be expected, with the
    reasons. All methods but ``move`` and ``unusable_of`` are for one thread."""

    def __init__(
        self, recognizer: Recognizer, words: Callable[[], Words], thread: Executor
    ) -> None:
        self.language = recognizer.language
        self.unusable: dict[str, str] = {}
        self._plain = self._made_of = self._latest = recognizer
        self._words = words
        self._thread = thread
        self._expects: Words = ()
        self._made_for: Words = ()  # the words that ``unusable`` is about
        self._making: Future[Made] | None = None
        self._lock = threading.RLock()

    def stream(self) -> "ExpectingStream":
        """See ``Recognizer.stream``."""
        return ExpectingStream(self)

    def move(self, recognizer: Recognizer) -> None:
        """Replace the recogniser. Callable from any thread. The old one stays in use until the new
        one expects the same words."""
        with self._lock:
            self._plain = recognizer
            if self._making or self._expects:
                self._make()
            else:  # nobody uses it, or without words: making one that expects some takes long
                self._made_of = self._latest = recognizer

    def latest(self) -> Recognizer:
        """The recogniser to use from now on. If the words have changed, starts making another."""
        with self._lock:
            self._make()
            return self._latest

    def unusable_of(self, words: Words) -> dict[str, str]:
        """Those of ``words`` that cannot be expected, with the reasons; none while that is not
        known yet. Callable from any thread."""
        with self._lock:
            return self.unusable if words == self._made_for else {}

    def _make(self) -> None:
        plain, words = self._plain, self._words()
        if self._making or (words == self._expects and plain is self._made_of):
            return
        self._expects, self._made_of = words, plain
        if words and isinstance(plain, AdaptableRecognizer):
            self._making = self._thread.submit(plain.expecting, words)
            self._making.add_done_callback(self._take)
        else:
            self._latest, self.unusable, self._made_for = plain, {}, words

    def _take(self, made: Future[Made]) -> None:
        if made.cancelled():  # the process is ending
            return
        with self._lock:
            try:
                self._latest, self.unusable = made.result()
            except Exception as error:  # noqa: BLE001  or no other words would ever be expected
                why = str(error) if isinstance(error, ModelError) else described(error)
                _log.warning("a glossary's words cannot be given to the recogniser: %s", why)
                self._latest = self._made_of
                unusable = "cannot be expected; see the log"
                self.unusable = dict.fromkeys(self._expects, unusable)
            self._made_for = self._expects
            self._making = None
            self._make()


class ExpectingStream:
    """Recognition of one speaker. Changes to the latest recogniser at pauses."""

    def __init__(self, owner: ExpectingRecognizer) -> None:
        self._owner = owner
        self._recognizer = owner.latest()
        self._stream: RecognizerStream = self._recognizer.stream()
        self._heard = 0
        self._from = 0  # where the present recogniser's audio began
        self._said = 0  # end of the final words
        self._speaking = False  # whether there are words that are not final
        self._waited = 0  # samples since a new recogniser is ready
        self._since: Pcm = np.zeros(0, np.int16)  # the audio since the last final word

    @property
    def pause_samples(self) -> int | None:
        """See ``RecognizerStream.pause_samples``."""
        return self._stream.pause_samples

    def accept(self, pcm: Pcm) -> Transcript | None:
        """See ``RecognizerStream.accept``."""
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
        """See ``RecognizerStream.finish``."""
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
