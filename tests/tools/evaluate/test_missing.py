"""Evaluations say at once that their material is not there."""

from pathlib import Path

import pytest

from tools.evaluate import material
from tools.evaluate.__main__ import main
from tools.figures import exit_status


@pytest.mark.parametrize(
    "words",
    [
        ["gate"],
        ["translation"],
        ["starter", "--only", "recognizer"],
        ["interpretation", "--sentences", "tatoeba"],
        ["interpretation", "--speech", "people"],
    ],
    ids=" ".join,
)
def test_missing_material_is_said_in_a_sentence(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(material, "DATA", tmp_path / "none")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert exit_status("tools.evaluate", lambda: main([*words, "--quick"])) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"tools.evaluate: no material in {tmp_path}/none: set TOLK_DATA")


@pytest.mark.parametrize("name", ["interpretation", "glossary"])
def test_a_missing_espeak_ng_is_said_in_a_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(library: str) -> None:
        raise OSError(f"{library}: cannot open shared object file")

    monkeypatch.setattr("training.espeak.ctypes.CDLL", missing)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert exit_status("tools.evaluate", lambda: main([name, "--quick"])) == 2
    said = capsys.readouterr().err
    assert said == (
        "tools.evaluate: libespeak-ng.so.1 is missing: install espeak-ng (Debian: espeak-ng)\n"
    )
