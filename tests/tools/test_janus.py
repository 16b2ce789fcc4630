import pytest

from tools.bench import fanout, janus


def test_without_janus_it_is_left_out_with_a_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert "not installed" in janus.missing()
    assert fanout.comparable(["mediarelay", "janus"]) == ["mediarelay"]
    assert "Janus is not installed" in capsys.readouterr().err
