"""The glossary of a stream where it is used: in the interpreter process."""

import dataclasses

from server.bus import messages
from server.interpretation.glossary import Glossary
from server.interpretation.shared import Shared
from server.interpretation.term_translator import TermTranslator


class StreamGlossary:
    """What the media process told of last. Engines read it in their threads."""

    def __init__(self) -> None:
        self.current = Glossary()
        self._version = 0

    def take(self, message: messages.Glossary) -> None:
        """From now on this one."""
        if message.version != self._version:
            self._version = message.version
            self.current = Glossary(message.terms, message.names, message.words)

    def applied(self, shared: Shared) -> Shared:
        """What streams share, with a translator that knows this stream's terms."""
        translator = TermTranslator(shared.engines.translator, lambda: self.current)
        engines = dataclasses.replace(shared.engines, translator=translator)
        return dataclasses.replace(shared, engines=engines)
