"""A translator whose model knows signs for numbers: numbers come through as they were said."""

from server.interpretation.engines import Translator
from server.interpretation.numerals import LANGUAGES, Masked, in_figures, masked, masked_alike


class NumeralTranslator:
    """``translator``: of a model that learnt ``numerals.SIGNS``."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator

    def translate(self, text: str, source: str, target: str, prefix: str = "") -> str:
        """Raises EngineError as the translator does."""
        said, read = (language.partition("-")[0] for language in (source, target))
        if not {said, read} <= LANGUAGES:
            return self._translator.translate(text, source, target, prefix)
        signed = masked(in_figures(text, said), said)
        begun = masked_alike(prefix, read, signed.numerals).text
        made = self._translator.translate(signed.text, source, target, begun)
        if all(sign in made for sign in signed.numerals):
            return signed.unmasked(made, read)
        # A sign was lost. Where the model copies the figures themselves, that is better.
        copied = self._translator.translate(in_figures(text, said), source, target, prefix)
        return max(
            (signed.unmasked(made, read), copied), key=lambda found: _kept(found, signed, read)
        )


def _kept(translation: str, signed: Masked, language: str) -> int:
    """How many of the numbers stand in it."""
    return sum(numeral.written(language) in translation for numeral in signed.numerals.values())
