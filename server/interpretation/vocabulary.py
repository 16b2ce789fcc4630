"""A stream's recogniser, which comes to expect the words of its glossary.

A recogniser that expects other words is made in a thread of its own, while the old one goes on. It
takes over where an utterance ends, so that no word is cut in two; the old one is freed then.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TypeVar

from server.interpretation.engines import (
    AdaptableRecognizer,
    ModelError,
    Recognizer,
    RecognizerStream,
)
from server.interpretation.types import Pcm, Transcript

T = TypeVar("T")
Words = tuple[str, ...]
Made = tuple[Recognizer, dict[str, str]]

_log = logging.getLogger(__name__)


class ExpectingRecognizer:
    """``words``: those to expect, at any time. ``unusable``: those of them that cannot be, and
    why. Used by one thread."""

    def __init__(
        self, recognizer: AdaptableRecognizer, words: Callable[[], Words], thread: Executor
    ) -> None:
        self.language = recognizer.language
        self.unusable: dict[str, str] = {}
        self._plain = recognizer
        self._words = words
        self._thread = thread
        self._latest: Recognizer = recognizer
        self._expects: Words = ()
        self._making: Future[Made] | None = None

    def stream(self) -> "ExpectingStream":
        return ExpectingStream(self)

    def latest(self) -> Recognizer:
        """The one to hear with from now on. Has another one made where the words changed."""
        if self._making is not None and self._making.done():
            self._take(self._making)
            self._making = None
        words = self._words()
        if self._making is None and words != self._expects:
            self._expects = words
            if words:
                self._making = self._thread.submit(self._plain.expecting, words)
            else:
                self._latest, self.unusable = self._plain, {}
        return self._latest

    def _take(self, made: Future[Made]) -> None:
        try:
            self._latest, self.unusable = made.result()
        except ModelError as error:
            _log.warning("the words of a glossary cannot be expected: %s", error)
            self._latest = self._plain
            self.unusable = dict.fromkeys(self._expects, "cannot be expected: the log says why")


class ExpectingStream:
    """One speaker, heard with the latest recogniser from each utterance to its end."""

    def __init__(self, owner: ExpectingRecognizer) -> None:
        self._owner = owner
        self._recognizer = owner.latest()
        self._stream: RecognizerStream = self._recognizer.stream()
        self._from = 0
        self._heard = 0
        self._between = True

    def accept(self, pcm: Pcm) -> Transcript | None:
        latest = self._owner.latest()
        if self._between and latest is not self._recognizer:
            self._recognizer, self._stream = latest, latest.stream()
            self._from = self._heard
        self._between = False
        self._heard += len(pcm)
        return self._told(self._stream.accept(pcm))

    def finish(self) -> Transcript | None:
        self._between = True
        return self._told(self._stream.finish())

    def _told(self, transcript: Transcript | None) -> Transcript | None:
        if transcript is None:
            return None
        self._between = self._between or transcript.final
        return transcript.shifted(self._from)
