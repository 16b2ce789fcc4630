"""The glossary of a stream where it is used: in the interpreter process."""

import dataclasses
from itertools import islice

from server.bus import messages
from server.interpretation.engines import Recognizer
from server.interpretation.glossary import MAX_PROBLEMS, Glossary
from server.interpretation.shared import Engines, Shared
from server.interpretation.term_translator import TermTranslator
from server.interpretation.vocabulary import ExpectingRecognizer


class StreamGlossary:
    """What the media process told of last. Engines read it in their threads."""

    def __init__(self) -> None:
        self.current = Glossary()
        self._version = 0
        self._expected: dict[str, tuple[str, ...]] = {}
        self._recognizers: dict[str, ExpectingRecognizer] = {}
        self._applied: Shared | None = None

    def take(self, message: messages.Glossary) -> None:
        """From now on this one."""
        if message.version != self._version:
            self._version = message.version
            self.current = Glossary(message.terms, message.names, message.words)
            self._expected = {}

    def unexpected(self, stream: str, epoch: int) -> messages.Unexpected | None:
        """What a recogniser cannot expect, for the media process; None for nothing."""
        for language, recognizer in self._recognizers.items():
            if recognizer.unusable:
                return messages.Unexpected(
                    stream=stream,
                    epoch=epoch,
                    version=self._version,
                    language=language,
                    words=dict(islice(recognizer.unusable.items(), MAX_PROBLEMS)),
                )
        return None

    def applied(self, shared: Shared) -> Shared:
        """What streams share, with a translator that knows this stream's terms and recognisers
        that expect its words: the same ones each time, as making them takes a while."""
        if self._applied is None:
            self._applied = dataclasses.replace(shared)
            self.move(shared)
        return self._applied

    def move(self, shared: Shared) -> None:
        """The engines of ``shared`` are others now: whoever has what ``applied`` returned moves
        to them, each at its next pause."""
        if self._applied is not None:
            self._applied.engines = self._own(shared)

    def _own(self, shared: Shared) -> Engines:
        engines = shared.engines
        gone = self._recognizers.keys() - engines.recognizers.keys()
        for language in gone:
            del self._recognizers[language]
        for language, recognizer in engines.recognizers.items():
            if own := self._recognizers.get(language):
                own.move(recognizer)
            else:
                self._recognizers[language] = self._expecting(recognizer, language, shared)
        return dataclasses.replace(
            engines,
            recognizers=dict(self._recognizers),
            translator=TermTranslator(engines.translator, lambda: self.current),
        )

    def _expecting(
        self, recognizer: Recognizer, language: str, shared: Shared
    ) -> ExpectingRecognizer:
        return ExpectingRecognizer(recognizer, lambda: self._words(language), shared.making)

    def _words(self, language: str) -> tuple[str, ...]:
        """Asked for with every piece of sound: told anew only for another glossary."""
        if language not in self._expected:
            self._expected[language] = self.current.expected(language)
        return self._expected[language]
