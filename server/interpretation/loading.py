"""Which library does what: the engines of a catalogue's models."""

from server.interpretation.pronunciation import pronouncer
from server.interpretation.routes import RoutedTranslator
from server.interpretation.shared import Engines
from server.interpretation.written import WrittenTranslator
from server.models.catalogue import Catalogue


def load(catalogue: Catalogue) -> Engines:
    """All engines of the catalogue, each model once. Raises ModelError."""
    # Not at the top: it takes a second, in which the process is to be heard of already.
    from server.interpretation.ctranslate2_translator import CTranslate2Translator
    from server.interpretation.piper_synthesizer import PiperSynthesizer, ipa
    from server.interpretation.silero_detector import SileroDetector
    from server.interpretation.vosk_recognizer import VoskRecognizer

    translators = {
        model.name: CTranslate2Translator(
            catalogue.path(model),
            sorted({target for _, target in model.pairs}) if model.target_tags else (),
        )
        for model in catalogue.models
        if model.pairs
    }
    return Engines(
        recognizers={
            language: VoskRecognizer(catalogue.path(model), language, pronouncer(language, ipa))
            for language, model in catalogue.recognizers.items()
        },
        translator=RoutedTranslator(
            {
                pair: WrittenTranslator(translators[model.name])
                if model.wants_case
                else translators[model.name]
                for pair, model in catalogue.translations.items()
            },
            catalogue.route,
        ),
        synthesizers={
            language: PiperSynthesizer(catalogue.path(model), language)
            for language, model in catalogue.voices.items()
        },
        detector=SileroDetector,
    )
