"""Which library does what: the engines of a catalogue's models."""

import importlib
from collections.abc import Mapping
from typing import Any

from server.interpretation.engines import Recognizer, Translator
from server.interpretation.pronunciation import pronouncer
from server.interpretation.routes import RoutedTranslator
from server.interpretation.shared import Engines
from server.interpretation.written import WrittenTranslator
from server.models.catalogue import Catalogue, Model


def load(catalogue: Catalogue, device: str = "cpu") -> Engines:
    """All engines of the catalogue, each model once, and none that another stands in for.
    ``device``: what models that can run on a GPU run on. Raises ModelError."""
    # Not at the top: it takes a second, in which the process is to be heard of already.
    from server.interpretation.piper_synthesizer import PiperSynthesizer
    from server.interpretation.silero_detector import SileroDetector

    recognizers, identifier = _recognizers(catalogue, device)
    return Engines(
        recognizers=recognizers,
        translator=RoutedTranslator(_translators(catalogue), catalogue.route),
        synthesizers={
            language: PiperSynthesizer(catalogue.path(model), language)
            for language, model in catalogue.voices.items()
        },
        detector=SileroDetector,
        identifier=identifier,
    )


def _recognizers(catalogue: Catalogue, device: str) -> tuple[Mapping[str, Recognizer], Any]:
    """By language, and what tells languages apart, where a model can."""
    from server.interpretation.piper_synthesizer import ipa
    from server.interpretation.vosk_recognizer import VoskRecognizer

    loaded: dict[str, Any] = {}
    recognizers: dict[str, Recognizer] = {}
    for language, model in catalogue.recognizers.items():
        if model.format == "whisper":
            if model.name not in loaded:
                whisper = importlib.import_module("server.interpretation.whisper_recognizer")
                loaded[model.name] = whisper.WhisperModel(catalogue.path(model), device)
            recognizers[language] = loaded[model.name].recognizer(language)
        else:
            recognizers[language] = VoskRecognizer(
                catalogue.path(model), language, pronouncer(language, ipa)
            )
    several = {model.name for model in catalogue.recognizers.values() if len(model.languages) > 1}
    return recognizers, next((loaded[name] for name in loaded if name in several), None)


def _translators(catalogue: Catalogue) -> dict[tuple[str, str], Translator]:
    loaded: dict[str, Translator] = {}
    for model in catalogue.translations.values():
        if model.name not in loaded:
            loaded[model.name] = _translator(catalogue, model)
    return {pair: loaded[model.name] for pair, model in catalogue.translations.items()}


def _translator(catalogue: Catalogue, model: Model) -> Translator:
    from server.interpretation.ctranslate2_translator import CTranslate2Translator

    tagged = sorted({target for _, target in model.pairs}) if model.target_tags else ()
    translator = CTranslate2Translator(
        catalogue.path(model), tagged, packed=model.format == "argos"
    )
    return WrittenTranslator(translator) if model.wants_case else translator
