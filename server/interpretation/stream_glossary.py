"""The glossary of a stream where it is used: in the interpreter process."""

import dataclasses
from collections.abc import Mapping
from itertools import islice

from server.bus import messages
from server.interpretation.engines import AdaptableRecognizer, Recognizer
from server.interpretation.glossary import MAX_PROBLEMS, Glossary
from server.interpretation.shared import Shared
from server.interpretation.term_translator import TermTranslator
from server.interpretation.vocabulary import ExpectingRecognizer


class StreamGlossary:
    """What the media process told of last. Engines read it in their threads."""

    def __init__(self) -> None:
        self.current = Glossary()
        self._version = 0
        self._expected: dict[str, tuple[str, ...]] = {}
        self._recognizers: Mapping[str, Recognizer] = {}

    def take(self, message: messages.Glossary) -> None:
        """From now on this one."""
        if message.version != self._version:
            self._version = message.version
            self.current = Glossary(message.terms, message.names, message.words)
            self._expected = {}

    def unexpected(self, stream: str, epoch: int) -> messages.Unexpected | None:
        """What a recogniser cannot expect, for the media process; None for nothing."""
        for language, recognizer in self._recognizers.items():
            if isinstance(recognizer, ExpectingRecognizer) and recognizer.unusable:
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
        self._recognizers = self._recognizers or {
            language: self._expecting(recognizer, shared)
            for language, recognizer in shared.engines.recognizers.items()
        }
        engines = dataclasses.replace(
            shared.engines,
            recognizers=self._recognizers,
            translator=TermTranslator(shared.engines.translator, lambda: self.current),
        )
        return dataclasses.replace(shared, engines=engines)

    def _expecting(self, recognizer: Recognizer, shared: Shared) -> Recognizer:
        if not isinstance(recognizer, AdaptableRecognizer):
            return recognizer
        return ExpectingRecognizer(
            recognizer, lambda: self._words(recognizer.language), shared.making
        )

    def _words(self, language: str) -> tuple[str, ...]:
        """Asked for with every piece of sound: told anew only for another glossary."""
        if language not in self._expected:
            self._expected[language] = self.current.expected(language)
        return self._expected[language]
