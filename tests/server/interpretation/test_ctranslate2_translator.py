"""With the translation model that is shipped."""

import shutil
from pathlib import Path

import pytest

from server.interpretation import ctranslate2_translator
from server.interpretation.ctranslate2_translator import (
    CTranslate2Translator,
    most_in_a_row,
    without_loops,
)
from server.interpretation.engines import EngineError, ModelError
from server.models.catalogue import Catalogue
from tests.helpers.starter import demo_clip, error_rate, plain


@pytest.fixture(scope="module")
def folder(starter: Catalogue) -> Path:
    return starter.path(starter.translations["nl", "en"])


@pytest.fixture(scope="module", params=[False, True], ids=["likeliest", "reranked"])
def translator(folder: Path, request: pytest.FixtureRequest) -> CTranslate2Translator:
    return CTranslate2Translator(folder, ["en", "nl"], reranks=request.param)


@pytest.mark.parametrize(("source", "target"), [("nl", "en"), ("en", "nl")])
def test_recognised_text_is_translated(
    translator: CTranslate2Translator, source: str, target: str
) -> None:
    phrases = demo_clip(source).phrases
    found = [translator.translate(plain(phrase.text), source, target) for phrase in phrases]
    wanted = " ".join(phrase.translation for phrase in phrases)
    assert error_rate(wanted, " ".join(found)) <= 0.15


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_empty_text_has_an_empty_translation(translator: CTranslate2Translator, text: str) -> None:
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


@pytest.mark.parametrize(
    "text",
    ["x" * 5000, "7" * 5000, "een twee drie " * 357, "Где вокзал? " * 417, "😀" * 5000, "\x00\x07"],
    ids=["letters", "figures", "words", "Cyrillic", "emoji", "control characters"],
)
def test_five_thousand_characters_are_not_made_longer(
    translator: CTranslate2Translator, text: str
) -> None:
    assert len(translator.translate(text, "nl", "en")) <= len(text)


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


@pytest.mark.parametrize("text", ["…", "😀 🎉", "!?", "---", "\x07", "Где вокзал?", "今日"])
def test_unreadable_text_has_an_empty_translation(
    translator: CTranslate2Translator, text: str
) -> None:
    assert translator.translate(text, "nl", "en") == ""


@pytest.mark.parametrize("text", ["1953", "12:30", "3,5 %"])
def test_figures_alone_are_kept(translator: CTranslate2Translator, text: str) -> None:
    assert translator.translate(f" {text} ", "nl", "en") == text


def test_unknown_signs_change_nothing(translator: CTranslate2Translator) -> None:
    plainly = translator.translate("het museum is op maandag gesloten", "nl", "en")
    assert translator.translate("het museum 😀 is op maandag gesloten", "nl", "en") == plainly


def test_capitals_are_read_as_other_letters(translator: CTranslate2Translator) -> None:
    found = translator.translate("HET MUSEUM IS OP MAANDAG GESLOTEN.", "nl", "en")
    assert found == "The museum is closed on Monday."


def test_a_long_text_is_translated_to_its_end(translator: CTranslate2Translator) -> None:
    sentence = "Het museum is op maandag gesloten. "
    found = translator.translate(30 * sentence + "Er is koffie in het kasteel.", "nl", "en")
    assert plain(found).count("the museum is closed on monday") == 30
    assert "there is coffee in the castle" in plain(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 1), ("ja", 1), ("nee nee nee", 3), ("the one The one the one the", 3), ("a b c d", 1)],
)
def test_repetitions_in_a_row_are_counted(text: str, expected: int) -> None:
    assert most_in_a_row(text) == expected


def test_a_text_that_runs_away_is_translated_in_halves(
    translator: CTranslate2Translator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctranslate2_translator, "MAX_PIECES_PER_PIECE", 0)
    text = "Het museum is op maandag gesloten. Er is koffie in het kasteel."
    found = plain(translator.translate(text, "nl", "en"))
    assert found == "the museum is closed on monday there is coffee in the castle"


def test_a_single_word_that_runs_away_is_an_error(
    translator: CTranslate2Translator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctranslate2_translator, "MAX_PIECES_PER_PIECE", 0)
    monkeypatch.setattr(ctranslate2_translator, "MAX_PIECES_MORE", 1)
    with pytest.raises(EngineError, match="nl to en"):
        translator.translate("maandag", "nl", "en")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ja ja ja nu", "ja ja ja nu"),
        (60 * "lijkt. ", "lijkt. lijkt. lijkt."),
        ("en " + 9 * "ik weet ", "en ik weet ik weet ik weet"),
        ("bel nul 4 4 4 4 4 nu", "bel nul 4 4 4 4 4 nu"),
    ],
)
def test_loops_are_shortened(text: str, expected: str) -> None:
    assert without_loops(text) == expected


@pytest.mark.parametrize("prefix", ["The museum", "On Monday the", "The museum is clos"])
def test_a_translation_begins_with_the_prefix(
    translator: CTranslate2Translator, prefix: str
) -> None:
    found = translator.translate("het museum is op maandag gesloten", "nl", "en", prefix)
    assert found.startswith(prefix)
    assert len(found) > len(prefix)


def test_if_the_likeliest_translation_is_doubtful_another_is_taken(
    translator: CTranslate2Translator, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "Het museum is op maandag gesloten."
    likeliest = translator.translate(text, "nl", "en")

    def doubts(_: str, made: str, *languages: str) -> list[str]:
        return ["names"] if made == likeliest else []

    monkeypatch.setattr(ctranslate2_translator, "doubts", doubts)
    other = translator.translate(text, "nl", "en")
    assert other != likeliest
    assert "museum" in other


def test_if_all_translations_are_doubtful_the_likeliest_is_taken(
    translator: CTranslate2Translator, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "Het museum is op maandag gesloten."
    likeliest = translator.translate(text, "nl", "en")
    monkeypatch.setattr(ctranslate2_translator, "doubts", lambda *_: ["names"])
    assert translator.translate(text, "nl", "en") == likeliest
