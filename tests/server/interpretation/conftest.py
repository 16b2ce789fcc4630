import math

import pytest

from server.config import STARTER_MODELS
from server.interpretation import sentence_ends
from server.interpretation.piper_synthesizer import PiperSynthesizer
from server.interpretation.vosk_recognizer import VoskRecognizer
from server.models.catalogue import Catalogue
from tests.helpers.starter import Clip, demo_clip


@pytest.fixture(scope="session")
def starter() -> Catalogue:
    return Catalogue.load(STARTER_MODELS)


@pytest.fixture(scope="session")
def demo() -> Clip:
    """The Dutch clip."""
    return demo_clip("nl")


@pytest.fixture(scope="session")
def dutch(starter: Catalogue) -> VoskRecognizer:
    return VoskRecognizer(starter.path(starter.recognizers["nl"]), "nl")


@pytest.fixture(scope="session")
def english(starter: Catalogue) -> VoskRecognizer:
    return VoskRecognizer(starter.path(starter.recognizers["en"]), "en")


@pytest.fixture(scope="session")
def english_voice(starter: Catalogue) -> PiperSynthesizer:
    return PiperSynthesizer(starter.path(starter.voices["en"]), "en")


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find no sentence ends in words without punctuation, for tests with meaningless words."""
    monkeypatch.setattr(sentence_ends, "LEAST_LOG_ODDS", math.inf)
