"""Which models the setting ``models`` selects."""

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from server.config import STARTER_MODELS
from server.interpretation.engines import ModelError
from server.models.available import Available
from server.models.installed import catalogue_of, fetched_into
from server.models.promise import made
from server.models.store import RECORD, Store
from tests.helpers.packages import ARGOS, PIPER, VOSK, WHISPER, lay_out


def put(
    store: Store, name: str, kind: str, form: str, files: dict[str, str], **what: object
) -> None:
    """A model with its record, as a pull leaves it."""
    folder = lay_out(store.staging(name) / "whole", **files)
    fields = {"name": name, "kind": kind, "format": form, "licence": "MIT", **what}
    model = msgspec.convert(fields, Available)
    record = made(model, folder, "official", "https://models.example/" + name)
    store.prepare(folder, record)
    store.install(folder, name)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(state: Path) -> Store:
    """Two Whispers, the larger one last, and a Vosk."""
    store = Store(fetched_into(state))
    hears = ["en", "nl", "yue"]
    put(store, "a-small", "recognizer", "whisper", WHISPER, languages=hears)
    large = {**WHISPER, "model.bin": "x" * 5000}
    put(store, "b-large", "recognizer", "whisper", large, languages=hears)
    put(
        store,
        "vosk-model-nl-1",
        "recognizer",
        "vosk",
        {**VOSK, "big": "x" * 9000},
        languages=["nl"],
    )
    return store


def test_without_fetched_models_the_shipped_ones_are_used(state: Path) -> None:
    names = [model.name for model in catalogue_of("", state).models]
    assert names == [model.name for model in catalogue_of("starter", state).models]
    assert not state.exists()


def test_whisper_is_preferred_to_vosk_and_large_to_small(store: Store, state: Path) -> None:
    models = [model.name for model in catalogue_of("", state).models]
    assert models[:4] == ["b-large", "a-small", "vosk-model-nl-1", "recognizer-en"]
    assert catalogue_of("", state).recognizers["nl"].name == "b-large"
    assert catalogue_of("starter", state).recognizers["nl"].name == "recognizer-nl"


def test_missing_models_of_a_language_are_the_shipped_ones(store: Store, state: Path) -> None:
    catalogue = catalogue_of("", state)
    assert catalogue.sources == ["en", "nl"]
    assert catalogue.targets("nl") == ["de", "en", "fr"]
    assert catalogue.path(catalogue.voices["de"]) == STARTER_MODELS / "voice-de"


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda folder: (folder / "model.bin").unlink(), "lacks model.bin"),
        (lambda folder: (folder / "model.bin").write_text("x" * 9), "has 9 bytes, not 5,000"),
        (lambda folder: (folder / RECORD).write_text("{"), "installed.json cannot be used"),
    ],
)
def test_a_broken_model_is_left_out_and_reported(
    store: Store, state: Path, caplog: pytest.LogCaptureFixture, spoil: object, complaint: str
) -> None:
    assert callable(spoil)
    spoil(store.root / "b-large")
    assert catalogue_of("", state).recognizers["nl"].name == "a-small"
    assert complaint in caplog.text and "pull b-large" in caplog.text
    with pytest.raises(ModelError, match=complaint):
        catalogue_of(str(store.root), state)


def test_a_change_of_the_same_size_is_found_by_verifying(store: Store) -> None:
    (store.root / "b-large" / "model.bin").write_text("y" * 5000)
    assert store.record("b-large") is not None
    with pytest.raises(ModelError, match=r"model\.bin was changed: its SHA-256 is"):
        store.verify("b-large")


def test_packages_may_be_put_into_a_folder_by_hand(tmp_path: Path, state: Path) -> None:
    folder = tmp_path / "mine"
    lay_out(folder / "vosk-model-small-nl-0.22", **VOSK)
    lay_out(folder / "argos", **ARGOS)
    lay_out(folder / "voice", **PIPER)
    catalogue = catalogue_of(str(folder), state)
    assert catalogue.recognizers["nl"].format == "vosk"
    assert catalogue.translations["nl", "en"].format == "argos"
    assert catalogue.translations["en", "de"].name == "translation"
    assert catalogue.path(catalogue.voices["nl"]) == folder / "voice"


def test_a_folder_with_a_manifest_replaces_all_models(tmp_path: Path, state: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(STARTER_MODELS, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["models"] = [each for each in manifest["models"] if each["name"] != "voice-de"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    lay_out(folder / "more", **PIPER)
    assert "de" not in catalogue_of(str(folder), state).voices


@pytest.mark.parametrize("make", [False, True], ids=["missing", "empty"])
def test_a_folder_without_models_is_named(tmp_path: Path, state: Path, make: bool) -> None:
    folder = tmp_path / "mine"
    if make:
        folder.mkdir()
    with pytest.raises(ModelError, match=f"no models in {folder}.*leave the setting out"):
        catalogue_of(str(folder), state)


def test_removed_and_incomplete_models_are_not_used(store: Store, state: Path) -> None:
    lay_out(store.staging("half") / "whole", **WHISPER)
    assert store.remove("b-large") and not store.remove("b-large")
    names = [model.name for model in catalogue_of("", state).models]
    assert names[:2] == ["a-small", "vosk-model-nl-1"]
