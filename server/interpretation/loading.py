"""Loads the engines for the models of a catalogue, each with the library of its format."""

from collections.abc import Mapping

from server.interpretation.ctranslate2_device import Device, Wanted, device
from server.interpretation.engines import LanguageIdentifier, Recognizer, Translator
from server.interpretation.pronunciation import pronouncer
from server.interpretation.routes import RoutedTranslator
from server.interpretation.shared import Engines
from server.interpretation.written import WrittenTranslator
from server.machine import whole_cores
from server.models.catalogue import Catalogue, Model


def load(catalogue: Catalogue, wanted: Wanted = "cpu") -> Engines:
    """Load the engines of all models in use, each model once. ``wanted``: the device for models
    that can run on a GPU. Raises ModelError."""
    # Imported here, because it takes a second: heartbeats must start before.
    from server.interpretation.piper_synthesizer import PiperSynthesizer
    from server.interpretation.silero_detector import SileroDetector

    runs_on = device(wanted)
    recognizers, identifier = _recognizers(catalogue, runs_on)
    return Engines(
        recognizers=recognizers,
        translator=translators(catalogue, runs_on),
        synthesizers={
            language: PiperSynthesizer(catalogue.path(model), language)
            for language, model in catalogue.voices.items()
        },
        detector=SileroDetector,
        identifier=identifier,
    )


def _recognizers(
    catalogue: Catalogue, runs_on: Device
) -> tuple[Mapping[str, Recognizer], LanguageIdentifier | None]:
    """The recognisers by language, and a language identifier, if a model can be one."""
    from server.interpretation.piper_synthesizer import ipa
    from server.interpretation.vosk_recognizer import VoskRecognizer
    from server.interpretation.whisper_model import WhisperModel
    from server.interpretation.whisper_recognizer import WhisperRecognizer

    loaded: dict[str, WhisperModel] = {}
    recognizers: dict[str, Recognizer] = {}
    for language, model in catalogue.recognizers.items():
        if model.format == "whisper":
            if model.name not in loaded:
                loaded[model.name] = WhisperModel(catalogue.path(model), runs_on, whole_cores())
            recognizers[language] = WhisperRecognizer(loaded[model.name], language)
        else:
            recognizers[language] = VoskRecognizer(
                catalogue.path(model), language, pronouncer(language, ipa)
            )
    several = {model.name for model in catalogue.recognizers.values() if len(model.languages) > 1}
    return recognizers, next((loaded[name] for name in loaded if name in several), None)


def translators(catalogue: Catalogue, runs_on: Device = "cpu") -> Translator:
    """One translator for all pairs of the catalogue. Raises ModelError."""
    loaded: dict[str, Translator] = {}
    for model in catalogue.translations.values():
        if model.name not in loaded:
            loaded[model.name] = _translator(catalogue, model, runs_on)
    by_pair = {pair: loaded[model.name] for pair, model in catalogue.translations.items()}
    return RoutedTranslator(by_pair, catalogue.route)


def plain_translator(catalogue: Catalogue, model: Model, runs_on: Device = "cpu") -> Translator:
    """A translation model, without what is done to the text around it. Raises ModelError."""
    from server.interpretation.ctranslate2_translator import CTranslate2Translator

    return CTranslate2Translator(
        catalogue.path(model),
        sorted({target for _, target in model.pairs}) if model.target_tags else (),
        packed=model.format == "argos",
        runs_on=runs_on,
        reranks=model.reranks,
    )


def _translator(catalogue: Catalogue, model: Model, runs_on: Device) -> Translator:
    translator = plain_translator(catalogue, model, runs_on)
    if model.number_signs:
        from server.interpretation.numeral_translator import NumeralTranslator

        return NumeralTranslator(translator)
    return WrittenTranslator(translator) if model.wants_case else translator
