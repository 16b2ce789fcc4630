"""With the translation model that is shipped."""

import shutil
from pathlib import Path

import pytest

from server.interpretation.ctranslate2_translator import CTranslate2Translator
from server.interpretation.engines import EngineError, ModelError
from server.models.catalogue import Catalogue
from tests.helpers.starter import demo_clip, error_rate, plain


@pytest.fixture(scope="module")
def folder(starter: Catalogue) -> Path:
    return starter.path(starter.translations["nl", "en"])


@pytest.fixture(scope="module")
def translator(folder: Path) -> CTranslate2Translator:
    return CTranslate2Translator(folder, ["en", "nl"])


@pytest.mark.parametrize(("source", "target"), [("nl", "en"), ("en", "nl")])
def test_it_translates_what_a_recogniser_sends(
    translator: CTranslate2Translator, source: str, target: str
) -> None:
    phrases = demo_clip(source).phrases
    found = [translator.translate(plain(phrase.text), source, target) for phrase in phrases]
    wanted = " ".join(phrase.translation for phrase in phrases)
    assert error_rate(wanted, " ".join(found)) <= 0.15


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_of_nothing_it_makes_nothing(translator: CTranslate2Translator, text: str) -> None:
    assert translator.translate(text, "nl", "en") == ""


@pytest.mark.parametrize(
    "text",
    ["ja ja ja ja ja ja ja ja ja ja", "xq zzk wrpt", "!", "😀", "12345", "de " * 300],
    ids=["repeated", "no words", "punctuation", "emoji", "figures", "long"],
)
def test_odd_input_gives_a_translation_of_like_length_or_an_engine_error(
    translator: CTranslate2Translator, text: str
) -> None:
    try:
        found = translator.translate(text, "nl", "en")
    except EngineError:
        return
    assert len(found) <= 12 * len(text.split()) + 120


@pytest.mark.parametrize("name", ["model.bin", "sentencepiece.model"])
def test_a_model_cut_short_is_no_model(tmp_path: Path, folder: Path, name: str) -> None:
    copy = tmp_path / "model"
    shutil.copytree(folder, copy)
    whole = (copy / name).read_bytes()
    (copy / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="install the model again"):
        CTranslate2Translator(copy, ["en"])


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=str(tmp_path)):
        CTranslate2Translator(tmp_path)


def test_a_target_that_the_model_does_not_know_is_named(folder: Path) -> None:
    with pytest.raises(ModelError, match=">>xx<<"):
        CTranslate2Translator(folder, ["en", "xx"])
