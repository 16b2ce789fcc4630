"""``tolk models``, as people and programs call it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from server.cli import main
from server.config import STARTER_MODELS
from server.models.recommend import COSTS, HEARING_PART, recommendation
from tests.helpers.packages import PIPER, lay_out

VOICE = STARTER_MODELS / "voice-en"


def said(capsys: pytest.CaptureFixture[str]) -> Sequence[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_model_is_pulled_listed_verified_and_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = ("--state", str(tmp_path))
    assert main(["models", "pull", str(VOICE), "--json", *state]) == 0
    events = said(capsys)
    assert [each["event"] for each in events] == ["installed", "done"]
    assert (events[0]["model"], events[0]["source"]) == ("voice-en", "file")

    assert main(["models", "list", "--json", *state]) == 0
    (listed,) = said(capsys)
    assert listed["installed"][0] == {
        "name": "voice-en",
        "kind": "voice",
        "format": "piper",
        "licence": "see the package",
        "languages": ["en"],
        "pairs": [],
        "bytes": listed["installed"][0]["bytes"],
    }
    assert {"whisper-base", "argos-nl-en"} <= {each["name"] for each in listed["available"]}

    assert main(["models", "verify", *state]) == 0
    (voice,) = (tmp_path / "models" / "voice-en").glob("*.onnx")
    data = bytearray(voice.read_bytes())
    data[1000] ^= 1
    voice.write_bytes(data)
    assert main(["models", "verify", *state]) == 1
    assert "was changed: its SHA-256 is" in capsys.readouterr().err

    assert main(["models", "remove", "voice-en", *state]) == 0
    assert main(["models", "remove", "voice-en", *state]) == 1
    assert "no model 'voice-en'" in capsys.readouterr().err


def test_models_pulled_into_a_folder_are_used_from_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, state = str(tmp_path / "carried"), ("--state", str(tmp_path / "state"))
    assert main(["models", "pull", "--to", folder, str(VOICE), *state]) == 0
    assert main(["check", "--models", folder, *state]) == 0
    assert main(["models", "--models", folder, *state]) == 0
    assert capsys.readouterr().out.count("  voice-en ") == 2  # this one, and the shipped one


@pytest.mark.parametrize(
    ("what", "status", "complaint"),
    [
        ([], 2, "say what to pull"),
        (["whisper-bass"], 1, "no model 'whisper-bass'; did you mean whisper-base"),
        (["./nowhere.zip"], 1, "nowhere.zip does not exist"),
    ],
)
def test_a_model_that_cannot_be_pulled_is_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    what: list[str],
    status: int,
    complaint: str,
) -> None:
    assert main(["models", "pull", *what, "--state", str(tmp_path)]) == status
    output = capsys.readouterr()
    assert complaint in output.out + output.err


def test_a_model_that_is_not_there_is_not_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "verify", "whisper-bas", "--state", str(tmp_path)]) == 1
    assert "whisper-bas: there is no such model in" in capsys.readouterr().err


def test_an_invalid_voice_is_refused_by_its_library(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = lay_out(tmp_path / "some", **PIPER)
    assert main(["models", "pull", str(folder), "--state", str(tmp_path / "state")]) == 1
    assert "it cannot be loaded: Piper cannot load the voice" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cores", "model"),
    [
        (0.3, ""),
        (0.5, "whisper-tiny"),
        (2, "whisper-base"),
        (4, "whisper-small"),
        (8, "whisper-large-v3-turbo"),
    ],
)
def test_the_best_model_that_leaves_room_is_recommended(cores: float, model: str) -> None:
    found = recommendation(cores)
    assert found.model == model
    assert all(each.streams * COSTS[each.model] <= HEARING_PART * cores for each in found.carried)


def test_this_machine_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "recommend", "--json"]) == 0
    (found,) = said(capsys)
    assert float(found["cores"]) > 0
