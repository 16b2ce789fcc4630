import resource
import shutil
import socket
from pathlib import Path

import pytest

from server.cli import main
from server.config import STARTER_MODELS
from server.process import raise_open_files


def test_a_missing_models_folder_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "nowhere"
    assert main(["--models", str(missing), "--state", str(tmp_path)]) == 2
    assert str(missing) in capsys.readouterr().err


def test_a_truncated_model_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = tmp_path / "models"
    shutil.copytree(STARTER_MODELS, models)
    (voice,) = models.glob("voice-en/*.onnx")
    voice.write_bytes(voice.read_bytes()[:1000])
    assert main(["check", "--models", str(models), "--state", str(tmp_path)]) == 2
    assert "voice-en" in capsys.readouterr().err


def test_a_wrong_setting_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "many"]) == 2
    assert "--port" in capsys.readouterr().err


def test_models_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    listed = capsys.readouterr().out
    assert "nl is interpreted into de, en, fr; recognizer-nl recognises it" in listed
    assert "whisper-base" in listed


def test_a_valid_configuration_passes_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--state", str(tmp_path)]) == 0
    assert "sound" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--ice-addresses", "tolk.example"], "no names"),
        (["--ice-addresses", "203.0.113.7", "--media-port", "0"], "203.0.113.7"),
        (["--ice-servers", "turn:turn.example"], "--turn-secret-file"),
    ],
)
def test_impossible_settings_for_sound_are_named_before_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], named: str
) -> None:
    assert main(["check", "--state", str(tmp_path), *options]) == 2
    assert named in capsys.readouterr().err


def test_a_routers_address_may_be_offered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--state", str(tmp_path), "--ice-addresses", "203.0.113.7"]) == 0


def test_a_token_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "--speak", "--stream", "hall", "--state", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert printed.out.count(".") == 2
    assert f"http://localhost:8080/speak/hall#token={printed.out}" in printed.err


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("tolk ")


def test_a_server_may_open_as_many_sockets_as_the_system_lets_it() -> None:
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))
        raise_open_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 256
        raise_open_files()  # nothing to raise
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))


def test_a_port_in_use_is_reported_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert main(["--port", port, "--media-port", "0", "--state", str(tmp_path)]) == 1
    assert "another --port" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [(["edge"], "an edge needs --bus"), (["interpreter"], "an interpreter needs --bus")],
)
def test_a_machine_of_several_needs_the_others(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert said in capsys.readouterr().err
