import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.interpretation.engines import ModelError
from server.models.catalogue import Catalogue, Model

Entry = dict[str, Any]


def entry(folder: Path, name: str, kind: str, **fields: object) -> Entry:
    """A model of one file, and its entry in the manifest."""
    path = folder / name / "weights"
    path.parent.mkdir()
    path.write_text(name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    files = {"weights": digest}
    return {"name": name, "kind": kind, "path": name, "licence": "MIT", "files": files, **fields}


def write(folder: Path, entries: list[Entry]) -> Path:
    (folder / "manifest.json").write_text(json.dumps({"models": entries}))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """nl and en are heard, nl, en, de and fr spoken; translated: nl-en both ways, en-de."""
    entries = [
        entry(tmp_path, "hear-nl", "recognizer", languages=["nl"]),
        entry(tmp_path, "hear-en", "recognizer", languages=["en"]),
        entry(tmp_path, "hear-fr", "recognizer", languages=["fr"]),
        entry(
            tmp_path, "nl-en", "translation", pairs=[["nl", "en"], ["en", "nl"]], target_tags=True
        ),
        entry(tmp_path, "en-de", "translation", pairs=[["en", "de"]]),
        *(
            entry(tmp_path, f"speak-{each}", "voice", languages=[each])
            for each in ("nl", "en", "de", "fr")
        ),
    ]
    return write(tmp_path, entries)


def test_sources_are_recognised_and_translated_languages(folder: Path) -> None:
    assert Catalogue.load(folder).sources == ["nl", "en"]


@pytest.mark.parametrize(
    ("languages", "told_apart"),
    [
        (["en", "ja", "nl"], ["nl", "en"]),
        (["en"], []),
        (["ja", "ko"], []),
        (["nl", "fr"], []),
    ],
)
def test_the_identified_languages_are_known(
    folder: Path, tmp_path: Path, languages: list[str], told_apart: list[str]
) -> None:
    whisper = entry(tmp_path, "whisper", "recognizer", languages=languages, format="whisper")
    catalogue = Catalogue.load(folder)
    assert catalogue.told_apart == []
    models = [msgspec.convert(whisper, Model), *catalogue.models]
    assert sorted(Catalogue(folder, models).told_apart) == sorted(told_apart)


def test_targets_are_translated_and_spoken_languages(folder: Path) -> None:
    catalogue = Catalogue.load(folder)
    assert catalogue.targets("nl") == ["en", "de"]
    assert catalogue.targets("en") == ["nl", "de"]
    assert catalogue.targets("fr") == []
    assert catalogue.all_targets == ["nl", "en", "de"]


def test_a_pair_without_a_model_is_translated_through_english(folder: Path) -> None:
    catalogue = Catalogue.load(folder)
    assert catalogue.route("nl", "en") == [("nl", "en")]
    assert catalogue.route("nl", "de") == [("nl", "en"), ("en", "de")]
    assert catalogue.route("de", "nl") == []


def test_the_first_of_two_models_for_the_same_is_used(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())["models"]
    manifest.append(entry(folder, "hear-nl-2", "recognizer", languages=["nl"]))
    catalogue = Catalogue.load(write(folder, manifest))
    assert catalogue.recognizers["nl"].name == "hear-nl"
    assert catalogue.path(catalogue.recognizers["nl"]) == folder / "hear-nl"


def remove(folder: Path) -> None:
    (folder / "hear-nl" / "weights").unlink()


def truncate(folder: Path) -> None:
    (folder / "hear-nl" / "weights").write_text("hear")


def change(folder: Path, **fields: object) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())["models"]
    write(folder, [{**manifest[0], **fields}, *manifest[1:]])


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (remove, r"'hear-nl' in .*hear-nl lacks weights .*install the model again"),
        (truncate, r"'hear-nl' in .*hear-nl: weights is truncated .*install the model again"),
        (lambda folder: change(folder, kind="lexicon"), r"manifest\.json is not .*'lexicon'"),
        (lambda folder: change(folder, kind="translation"), "is a translation without pairs"),
        (lambda folder: change(folder, languages=[]), "is a recognizer without languages"),
        (lambda folder: change(folder, files={}), r"manifest\.json is not a manifest"),
        (lambda folder: change(folder, path="../elsewhere"), "which is outside"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "is not a manifest"),
        (lambda folder: (folder / "manifest.json").unlink(), "no models in .*give a folder"),
    ],
)
def test_an_incomplete_model_is_named_with_its_remedy(
    folder: Path, spoil: Callable[[Path], object], complaint: str
) -> None:
    spoil(folder)
    with pytest.raises(ModelError, match=complaint) as error:
        Catalogue.load(folder)
    assert str(folder) in str(error.value)


def test_the_catalogue_loads_no_engine() -> None:
    """The media process reads it, and runs no model."""
    code = "import sys, server.models_cli, server.interpretation.worker; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"vosk", "ctranslate2", "piper", "onnxruntime"} & set(found.stdout.split())
