"""The glossary of one stream in the interpreter process, and the engines that use it."""

import dataclasses
from itertools import islice

from server.bus import messages
from server.interpretation.engines import Recognizer
from server.interpretation.glossary import MAX_PROBLEMS, Glossary
from server.interpretation.shared import Engines, Shared
from server.interpretation.term_translator import TermTranslator
from server.interpretation.vocabulary import ExpectingRecognizer, Words


class StreamGlossary:
    """The latest glossary from the media process. Engines read it from their threads."""

    def __init__(self) -> None:
        self.current = Glossary()
        self._version = 0
        self._expected: dict[str, tuple[Glossary, Words]] = {}
        self._recognizers: dict[str, ExpectingRecognizer] = {}
        self._applied: Shared | None = None

    def take(self, message: messages.Glossary) -> None:
        """Use the glossary of ``message`` from now on."""
        if message.version != self._version:
            self._version = message.version
            self.current = Glossary(message.terms, message.names, message.words)

    def unexpected(self, stream: str, epoch: int) -> list[messages.Unexpected]:
        """The messages about words that a recogniser cannot expect, one for each language that has
        any."""
        return [
            messages.Unexpected(
                stream=stream,
                epoch=epoch,
                version=self._version,
                language=language,
                words=dict(islice(unusable.items(), MAX_PROBLEMS)),
            )
            for language, recognizer in self._recognizers.items()
            if (unusable := recognizer.unusable_of(self._words(language)))
        ]

    def applied(self, shared: Shared) -> Shared:
        """``shared`` with this stream's engines: a translator that knows its terms, and recognisers
        that expect its words. Returns the same object each time, as making one takes long."""
        if self._applied is None:
            self._applied = dataclasses.replace(shared)
            self.move(shared)
        return self._applied

    def move(self, shared: Shared) -> None:
        """Take over the new engines of ``shared``. Users of what ``applied`` returned move to them,
        recognisers at their next pause."""
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

    def _words(self, language: str) -> Words:
        """The words to expect. Called with every piece of audio, so cached for each glossary, and
        from other threads, while the glossary may change."""
        glossary = self.current
        known = self._expected.get(language)
        if known is None or known[0] is not glossary:
            known = self._expected[language] = glossary, glossary.expected(language)
        return known[1]
