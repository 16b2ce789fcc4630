"""Evaluations say at once that their material is not there."""

from pathlib import Path

import pytest

from tools.evaluate import material
from tools.evaluate.__main__ import main
from tools.figures import exit_status


@pytest.mark.parametrize(
    "words", [["gate"], ["translation"], ["starter", "--only", "recognizer"]], ids=" ".join
)
def test_missing_material_is_said_in_a_sentence(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(material, "DATA", tmp_path / "none")
    assert exit_status("tools.evaluate", lambda: main([*words, "--quick"])) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"tools.evaluate: no material in {tmp_path}/none: set TOLK_DATA")
