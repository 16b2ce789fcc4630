"""Stand-ins load where the real ones do, and are as large."""

from pathlib import Path

import pytest

from server.config import STARTER_MODELS
from server.demo import clip
from server.interpretation.ctranslate2_translator import CTranslate2Translator
from server.interpretation.piper_synthesizer import PiperSynthesizer
from server.interpretation.vosk_recognizer import VoskRecognizer
from server.media.opus import RATE_HZ
from server.models.catalogue import Catalogue
from tools.evaluate.live import recognized
from training.stand_ins import recognizer, translation, voice


@pytest.fixture(scope="module")
def starter() -> Catalogue:
    return Catalogue.load(STARTER_MODELS)


def size_mb(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*")) / 1e6


def test_the_voice_is_as_large_and_speaks_as_long_as_one_of_medium_size(
    starter: Catalogue, tmp_path: Path
) -> None:
    like = starter.path(starter.voices["en"])
    assert voice.write(like, tmp_path) == pytest.approx(15.5e6, rel=0.05)
    text = "Good morning and welcome to our village."
    lasts_s = [
        len(each.synthesize(text, scale)) / each.rate_hz
        for each in (PiperSynthesizer(tmp_path, "en"), PiperSynthesizer(like, "en"))
        for scale in (1.0, 0.7)
    ]
    assert lasts_s[0] == pytest.approx(lasts_s[2], rel=0.35)
    assert lasts_s[1] == pytest.approx(0.7 * lasts_s[0], rel=0.02)


def test_the_translation_is_as_large_as_opus_mts_and_as_long_as_it_must_be(
    starter: Catalogue, tmp_path: Path
) -> None:
    translation.write(starter.path(starter.translations["nl", "en"]), tmp_path)
    assert size_mb(tmp_path) == pytest.approx(77, rel=0.05)
    model = CTranslate2Translator(tmp_path).model
    (result,) = model.translate_batch(
        [["\u2581de", "</s>"]], min_decoding_length=9, max_decoding_length=9
    )
    assert len(result.hypotheses[0]) == 9


def test_the_recogniser_is_larger_and_hears_the_same(starter: Catalogue, tmp_path: Path) -> None:
    like = starter.path(starter.recognizers["nl"])
    assert recognizer.write(like, tmp_path) == pytest.approx(4e6, rel=0.05)
    pcm = clip("nl")[: 6 * RATE_HZ]
    heard, same = (
        [word.text for word in recognized(pcm, VoskRecognizer(folder, "nl"))]
        for folder in (like, tmp_path)
    )
    assert heard == same
    assert len(heard) > 5
