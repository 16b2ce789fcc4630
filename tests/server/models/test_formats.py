"""Recognises the format of packages, which have the layouts of each library."""

from collections.abc import Callable
from pathlib import Path

import pytest

from server.config import STARTER_MODELS
from server.interpretation.engines import ModelError
from server.models.catalogue import Traits
from server.models.formats import recognised
from tests.helpers.packages import ARGOS, OPUS, PIPER, SPECIAL, VOSK, WHISPER, lay_out, tokens


@pytest.mark.parametrize(
    ("name", "files", "found"),
    [
        ("m", WHISPER, Traits("recognizer", "whisper", ["en", "nl", "yue"])),
        (
            "m",
            {**WHISPER, "tokenizer.json": tokens(*SPECIAL, first=50256)},
            Traits("recognizer", "whisper", ["en"]),
        ),
        ("vosk-model-small-nl-0.22", VOSK, Traits("recognizer", "vosk", ["nl"])),
        ("vosk-model-small-en-us-0.15", VOSK, Traits("recognizer", "vosk", ["en"])),
        ("vosk-model-cn-0.22", VOSK, Traits("recognizer", "vosk", ["zh"])),
        ("m", ARGOS, Traits("translation", "argos", [], [("nl", "en")], True)),
        ("opus-mt-nl-en", OPUS, Traits("translation", "opus-mt", [], [("nl", "en")], True)),
        ("ct2fast-opus-mt-en-de", OPUS, Traits("translation", "opus-mt", [], [("en", "de")], True)),
        ("m", PIPER, Traits("voice", "piper", ["nl"])),
    ],
)
def test_a_package_is_recognised_by_its_files(
    tmp_path: Path, name: str, files: dict[str, str], found: Traits
) -> None:
    assert recognised(lay_out(tmp_path / name, **files)) == found


@pytest.mark.parametrize(
    ("files", "language", "found"),
    [
        (VOSK, "fy", Traits("recognizer", "vosk", ["fy"])),
        (OPUS, "nl-fy", Traits("translation", "opus-mt", [], [("nl", "fy")], True)),
    ],
)
def test_missing_facts_can_be_given_as_options(
    tmp_path: Path, files: dict[str, str], language: str, found: Traits
) -> None:
    assert recognised(lay_out(tmp_path / "m", **files), language=language) == found


def without(files: dict[str, str], name: str) -> dict[str, str]:
    return {path: text for path, text in files.items() if path != name}


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"README": "x"}, "no usable model: no Whisper"),
        ({"model.safetensors": "x"}, "was not converted for CTranslate2"),
        (without(WHISPER, "tokenizer.json"), r"lacks tokenizer\.json"),
        (without(WHISPER, "vocabulary.txt"), r"lacks vocabulary\.txt or vocabulary\.json"),
        ({**WHISPER, "config.json": "{}"}, "neither Whisper nor OPUS-MT"),
        ({**WHISPER, "config.json": "{"}, r"config\.json cannot be read"),
        ({**WHISPER, "config.json": "[" * 50_000}, r"config\.json cannot be read"),
        ({**WHISPER, "tokenizer.json": "[]"}, "has unexpected content"),
        (VOSK, "does not say its language; add it, such as --language nl"),
        ({**VOSK, "am/final.mdl": ""}, r"am/final\.mdl is empty"),
        ({**VOSK, "conf/mfcc.conf": "--sample-frequency=8000"}, "audio of 8000 Hz, not 16000"),
        ({"final.mdl": "x", "HCLG.fst": "x"}, "Vosk model of the old format"),
        ({**without(ARGOS, "sentencepiece.model"), "bpe.model": "x"}, "BPE instead of Sentence"),
        ({**ARGOS, "metadata.json": "{}"}, "no from_code and to_code"),
        (OPUS, "does not say what it translates; add it, such as --language nl-en"),
        ({**PIPER, "other.onnx": "x"}, r"has 2 \.onnx files"),
        (without(PIPER, "nl_BE-nathalie-medium.onnx.json"), r"lacks nl_BE-nathalie-medium\.onnx\."),
        ({**PIPER, "nl_BE-nathalie-medium.onnx.json": "{}"}, "has no sample rate"),
    ],
)
def test_unusable_packages_are_named(tmp_path: Path, files: dict[str, str], complaint: str) -> None:
    with pytest.raises(ModelError, match=complaint) as error:
        recognised(lay_out(tmp_path / "some", **files))
    assert str(tmp_path / "some") in str(error.value)


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("recognizer-nl", lambda found: found.format == "vosk"),
        ("voice-en", lambda found: (found.format, found.languages) == ("piper", ["en"])),
    ],
)
def test_shipped_models_have_the_same_layout(name: str, check: Callable[[Traits], bool]) -> None:
    assert check(recognised(STARTER_MODELS / name, language="nl" if "nl" in name else ""))
