"""The command: what it says of this machine, its exit status, and what it must not show."""

from pathlib import Path

import msgspec
import pytest

from server.cli import main
from server.doctor.findings import Finding, as_text, discreet


def said(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, list[Finding]]]:
    """The exit status, and the findings by part."""
    status = main(["doctor", "--json", "--models", "starter", *options])
    report = msgspec.json.decode(capsys.readouterr().out)
    found: dict[str, list[Finding]] = {}
    for each in msgspec.convert(report["findings"], list[Finding]):
        found.setdefault(each.part, []).append(each)
    assert report["problems"] == sum(
        each.level == "problem" for part in found.values() for each in part
    )
    return status, found


def test_a_sound_machine_has_no_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], unused_tcp_port: int
) -> None:
    status, found = said(capsys, "--state", str(tmp_path), "--port", str(unused_tcp_port))
    assert status == 0
    assert {"settings", "addresses", "microphone", "ports", "clock", "state", "models", "cores",
            "memory"} <= found.keys()  # fmt: skip
    assert "languages of about" in found["cores"][0].text
    assert not list(tmp_path.iterdir()), "nothing is stored"


def test_each_problem_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "secret").write_bytes(b"k" * 32)
    (tmp_path / "secret").chmod(0o644)
    options = ("--quick", "--state", str(tmp_path), "--host", "0.0.0.0", "--port", "0")
    status, found = said(capsys, *options)
    assert status == 1
    wrong = [each for part in found.values() for each in part if each.level == "problem"]
    assert {"microphone", "secrets"} <= {each.part for each in wrong}
    assert all(each.advice for each in wrong)


def test_what_serve_refuses_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--quick", "--state", str(tmp_path), "--public-url", "javascript:alert(1)")
    status, found = said(capsys, *options)
    assert status == 1
    assert "--public-url" in found["settings"][0].text


def test_a_report_can_be_shown_to_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "turn").write_text("canary-turn-secret")
    (tmp_path / "secret").write_text("canary-" * 10)
    options = (
        "--quick", "--state", str(tmp_path / "state"), "--secret-file", str(tmp_path / "secret"),
        "--turn-username", "someone", "--turn-password", "canary-password",
        "--ice-servers", "turn:turn.example", "--public-url", "https://me:canary@tolk.example",
        "--input", "rtsp://cam:canary@10.0.0.1/a?key=canary --stream a --from xx",
    )  # fmt: skip
    for form in ([], ["--json"]):
        main(["doctor", *form, *options])
        printed = capsys.readouterr()
        assert "canary" not in printed.out + printed.err
        assert str(tmp_path) not in printed.out


def test_secrets_are_blotted_out() -> None:
    text = "srt://10.0.0.1:9?passphrase=abc&mode=x, https://a/#token=ey.J, rtsp://u:p@cam"
    shown = discreet(Finding("settings", "note", text)).text
    assert shown == "srt://10.0.0.1:9?passphrase=…&mode=x, https://a/#token=…, rtsp://…@cam"


def test_people_read_lines_with_what_to_do_below() -> None:
    findings = [Finding("ports", "problem", "one"), Finding("clock", "note", "two", "set it")]
    text = as_text(findings)
    assert "problem  ports        one" in text
    assert "→ set it" in text
    assert text.endswith("1 problem was found.")
