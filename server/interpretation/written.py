"""Adds capitals and punctuation to recognised text, for translation models that were trained on
written text."""

from typing import Final

from server.interpretation.engines import Translator

#: Words that begin a question, and seldom anything else. Any other sentence gets a full stop: a
#: wrong full stop harms a translation less than a wrong question mark.
QUESTIONS: Final = {
    "en": {"who", "what", "where", "why", "how", "which", "whose"}
    | {"do", "does", "did", "is", "are", "was", "were", "can", "could", "will", "would", "shall"}
    | {"has", "have", "should", "may"},
    "nl": {"wie", "wat", "waar", "waarom", "hoe", "welke", "welk", "wiens", "waarmee", "hoeveel"},
    "de": {"wer", "was", "wo", "warum", "wie", "welche", "welcher", "wessen", "woher", "wohin"},
    "fr": {"qui", "pourquoi", "comment", "combien", "où", "quel", "quelle", "est-ce"},
}
#: Words that are always written with a capital.
CAPITALS: Final = {"en": {"i": "I", "i'm": "I'm", "i'll": "I'll", "i've": "I've", "i'd": "I'd"}}
ENDS: Final = ".?!…"


class WrittenTranslator:
    """Translates recognised text with a ``translator`` that expects written text."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator

    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        """See ``Translator.translate``. Raises EngineError."""
        return self._translator.translate(written(text, source), source, target, prefix)


def written(text: str, language: str) -> str:
    """``text`` with a capital at its beginning and, if it has no end mark, a full stop or question
    mark at its end."""
    capitals = CAPITALS.get(language, {})
    words = [capitals.get(word, word) for word in text.split()]
    if not words:
        return ""
    end = "?" if words[0].lower() in QUESTIONS.get(language, ()) else "."
    words[0] = words[0][:1].upper() + words[0][1:]
    sentence = " ".join(words)
    return sentence if sentence[-1] in ENDS else sentence + end
