"""Checks the data of the models that can be fetched."""

import re
from collections import Counter
from pathlib import Path, PurePosixPath

import pytest

from server.config import STARTER_MODELS
from server.models.available import Available, available
from server.models.catalogue import Catalogue
from server.models.choice import needs
from server.models.disk import FetchError
from server.models.installed import catalogue_of
from server.models.recommend import COSTS

ALL = pytest.mark.parametrize("model", available(), ids=lambda model: model.name)


def test_names_are_unique() -> None:
    assert not [name for name, count in Counter(m.name for m in available()).items() if count > 1]


@ALL
def test_each_model_has_a_source_and_a_purpose(model: Available) -> None:
    assert model.address or model.packages
    assert bool(model.archive) != bool(model.files)
    assert bool(model.pairs) == (model.kind == "translation") != bool(model.languages)
    assert model.licence
    assert not model.address.endswith("/")
    codes = [*model.languages, *(code for pair in model.pairs for code in pair)]
    assert all(re.fullmatch("[a-z]{2,3}", code) for code in codes)


@ALL
def test_each_file_is_in_its_folder_and_has_a_size(model: Available) -> None:
    for file in model.parts:
        path = PurePosixPath(file.path)
        assert not path.is_absolute() and ".." not in path.parts
    assert model.size > 0
    if model.format == "whisper":
        assert all(file.sha256 and file.size for file in model.files)
    assert {"model.bin", "config.json", "tokenizer.json"} <= {f.path for f in model.files} or (
        model.format != "whisper"
    )


@ALL
def test_packages_contain_exactly_the_files(model: Available) -> None:
    """What comes from the package index is somebody's: all of it has a checksum."""
    made = {target for package in model.packages for target in package.members.values()}
    assert not model.packages or made == {file.path for file in model.files}
    assert not model.packages or all(file.sha256 for file in model.files)


def test_whisper_has_99_languages_and_the_english_model_one() -> None:
    hears = {model.name: model.languages for model in available() if model.format == "whisper"}
    assert {len(languages) for languages in hears.values()} == {1, 99}
    assert hears["whisper-tiny.en"] == ["en"]
    assert {"nl", "en", "de", "fr"} <= set(hears["whisper-base"])


def test_recommended_models_are_available() -> None:
    assert set(COSTS) <= {model.name for model in available()}


def test_a_language_that_no_model_translates_is_told(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="en to es"):
        needs(["en", "es"], ["whisper-base"], catalogue_of("starter", tmp_path))


def test_all_models_between_four_languages_are_available(tmp_path: Path) -> None:
    starter = catalogue_of("starter", tmp_path)
    wanted = needs(["nl", "en", "de", "fr"], ["whisper-base"], starter)
    names = [need[0].name for need in wanted]
    assert "whisper-base" not in names[1:] and len(names) == len(set(names))
    pairs = {pair for need in wanted for model in need for pair in model.pairs}
    for language in ("nl", "de", "fr"):
        assert {(language, "en"), ("en", language)} <= pairs
    spoken = {need[0].languages[0] for need in wanted if need[0].kind == "voice"}
    assert spoken == {"nl", "en", "de", "fr"}
    assert "piper-en_US-joe-medium" not in {model.name for need in wanted for model in need}


def test_the_next_best_affordable_model_is_recommended() -> None:
    nothing = Catalogue(STARTER_MODELS, [])
    hearing = needs(["nl", "en"], ["whisper-small", "whisper-base"], nothing)[0]
    assert [model.name for model in hearing] == ["whisper-small", "whisper-base"]
