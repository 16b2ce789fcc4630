import json
from pathlib import Path

import pytest

from tools.figures import Figure, report
from tools.report import main


def test_results_become_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = [
        Figure("x.good", 1.0, "ms", bound=2.0),
        Figure("x.bad", 3.0, "ms", bound=2.0),
        Figure("x.unknown", None, "ms"),
    ]
    assert report(figures, as_json=True) == 1
    path = tmp_path / "x.json"
    path.write_text(capsys.readouterr().out)
    assert main([str(path)]) == 0
    page = capsys.readouterr().out
    assert "| x.good | 1 | ms | ≤ 2 | holds |" in page
    assert "| x.bad | 3 | ms | ≤ 2 | **does not hold** |" in page
    assert "| x.unknown | – | ms |  |  |" in page


def test_a_file_without_results_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"figures": 1}))
    assert main([str(path)]) == 2
    assert str(path) in capsys.readouterr().err
