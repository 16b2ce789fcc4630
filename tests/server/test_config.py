import argparse
from collections.abc import Mapping
from pathlib import Path

import pytest

from server.config import Config, ConfigError
from server.settings import add_options, load


def loaded(*arguments: str, environ: Mapping[str, str] | None = None) -> Config:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return load(parser.parse_args(arguments), environ or {})


def test_the_command_line_overrides_the_environment_which_overrides_the_file(
    tmp_path: Path,
) -> None:
    file = tmp_path / "tolk.toml"
    file.write_text('port = 1\nmax_streams = 2\nmax_listeners = 3\nhost = "::1"\n')
    config = loaded(
        "--config",
        str(file),
        "--port",
        "7",
        environ={"TOLK_PORT": "8", "TOLK_MAX_STREAMS": "9", "UNRELATED": "x"},
    )
    assert (config.port, config.max_streams, config.max_listeners) == (7, 9, 3)
    assert config.host == "::1"


def test_lists_are_given_with_commas() -> None:
    config = loaded("--allowed-origins", "https://a.example, https://b.example")
    assert config.allowed_origins == ["https://a.example", "https://b.example"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--port", "many"], "--port"),
        (["--port", "70000"], "port"),
        (["--tls", "sometimes"], "--tls: .*off, self"),
        (["--tls-cert", "a.pem"], "--tls-key"),
        (["--config", "/does/not/exist.toml"], "/does/not/exist.toml"),
    ],
)
def test_a_wrong_setting_is_named(arguments: list[str], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        loaded(*arguments)


def test_a_file_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tolk.toml"
    file.write_text("a = " + "{b = " * 5_000)
    with pytest.raises(ConfigError, match=r"tolk\.toml"):
        loaded("--config", str(file))


def test_an_unknown_key_in_the_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "tolk.toml"
    file.write_text("prot = 8080\n")
    with pytest.raises(ConfigError, match="prot"):
        loaded("--config", str(file))


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(ConfigError, match="TOLK_PORT"):
        loaded(environ={"TOLK_PORT": "-1"})


def test_the_command_line_wins_before_a_variable_is_read() -> None:
    """Kubernetes sets it so for a service named tolk."""
    given = {"TOLK_PORT": "tcp://10.43.0.7:8080"}
    assert loaded("--port", "7", environ=given).port == 7
    with pytest.raises(ConfigError, match="TOLK_PORT .*Kubernetes.*enableServiceLinks"):
        loaded(environ=given)


def test_an_empty_variable_is_not_set() -> None:
    config = loaded(environ={"TOLK_PORT": "", "TOLK_TLS": "", "TOLK_PUBLIC_STREAMS": ""})
    assert config == Config()


def test_a_file_may_begin_with_a_mark(tmp_path: Path) -> None:
    file = tmp_path / "tolk.toml"
    file.write_bytes(b"\xef\xbb\xbfport = 7\r\n")
    assert loaded("--config", str(file)).port == 7
    file.write_bytes("port = 7".encode("utf-16"))
    with pytest.raises(ConfigError, match="save it as UTF-8"):
        loaded("--config", str(file))


@pytest.mark.parametrize(
    ("host", "token", "needed"),
    [
        ("127.0.0.1", "auto", False),
        ("0.0.0.0", "auto", True),
        ("0.0.0.0", "open", False),
        ("127.0.0.1", "required", True),
    ],
)
def test_speaking_needs_a_token_beyond_loopback(host: str, token: str, needed: bool) -> None:
    config = loaded("--host", host, "--speak-token", token)
    assert config.speaking_needs_token is needed


@pytest.mark.parametrize(
    "option", ["--trusted-proxies=127.0.0.1/32", "--public-url=https://tolk.example"]
)
def test_speaking_needs_a_token_behind_a_proxy(option: str) -> None:
    assert loaded(option).speaking_needs_token
    assert not loaded(option, "--speak-token=open").speaking_needs_token
