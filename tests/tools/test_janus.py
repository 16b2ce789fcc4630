import pytest

from tools.bench import fanout, janus


def test_where_there_is_no_janus_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert "not installed" in janus.missing()
    assert fanout.comparable(["mediarelay", "janus"]) == ["mediarelay"]
    assert "Janus is not installed" in capsys.readouterr().err
