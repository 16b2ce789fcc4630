"""Translates with placeholders for numbers, so that the numbers themselves stay unchanged."""

from server.interpretation.engines import Translator
from server.interpretation.numerals import LANGUAGES, Masked, masked, masked_alike
from server.interpretation.spelled_numbers import in_figures
from server.interpretation.spoken_verses import MARK


class NumeralTranslator:
    """Replaces numbers by placeholders before ``translator``, and puts them back after it.
    ``translator``: its model was trained with ``numerals.SIGNS``."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator

    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        """See ``Translator.translate``. Raises EngineError."""
        said, read = (language.partition("-")[0] for language in (source, target))
        if not {said, read} <= LANGUAGES:
            return self._translator.translate(text, source, target, prefix)
        figures = in_figures(text, said)
        signed = masked(figures, said, vague=True)
        begun = masked_alike(prefix, read, signed.numerals).text
        made = self._translator.translate(signed.text, source, target, begun)
        if all(sign in made for sign in signed.numerals):
            return signed.unmasked(made, read)
        # A placeholder was lost. Use the translation of the digits if it keeps more numbers.
        copied = self._translator.translate(figures.replace(MARK, ":"), source, target, prefix)
        return max(
            (signed.unmasked(made, read), copied), key=lambda found: _kept(found, signed, read)
        )


def _kept(translation: str, signed: Masked, language: str) -> int:
    """How many of the numbers ``translation`` contains."""
    return sum(numeral.written(language) in translation for numeral in signed.numerals.values())
