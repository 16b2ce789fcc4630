"""``check`` refuses what ``serve`` refuses, with the same words, and leaves nothing behind."""

import logging
import math
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server.bus.hub_messages import Announcement, decode_announcement, encode_announcement
from server.checks import check_addresses, check_state, warn_of_readable_secrets
from server.cli import main
from server.config import Config, ConfigError
from server.http.tls import names_in
from server.prepared import prepared


def config(state: Path, **settings: object) -> Config:
    return Config(state=str(state), models="starter", fetch="never", **settings)  # type: ignore[arg-type]


@contextmanager
def full_disk() -> Iterator[None]:
    """Files of this process may have 1,000 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


REFUSED = [
    (["--public-url", "javascript:alert(1)"], "--public-url"),
    (["--state", "/proc/1/tolk"], "--state"),
    (["--state", "FILE"], "FILE is a file"),
    (["--secret-file", "EMPTY"], "0 bytes"),
    (["--host", "nobody.invalid"], "--host"),
    (["--allowed-origins", "site.example"], "--allowed-origins"),
    (["--stage-timeout-s", "inf"], "--stage-timeout-s: inf"),
    (["--bus", "http://tolk:secret-one@bus.example"], "--bus: 'http://bus.example' is not valid"),
    (["--bus", "nats://tolk:secret-one@:4222"], "--bus: 'nats://:4222' has no valid host"),
    (["--bus", "nats://bus.example:99999"], "--bus: 'nats://bus.example:99999' is not valid"),
    (["--bus", "nats://tolk@bus.example"], "a user without a password"),
    (["--bus", ","], "--bus names no server"),
    (["--bus-credentials", "EMPTY"], "give --bus too"),
    (["--bus", "bus.example", "--bus-credentials", "EMPTY"], "one line, USER:PASSWORD"),
    (["--bus", "bus.example", "--bus-credentials", "/no/file"], "No such file"),
    (["--roles", "hub,edge"], "without --bus"),
    (["--bus", "bus.example", "--roles", "interpreter"], "always hub and edge"),
    (["--bus", "bus.example", "--roles", "cook"], "--roles: Invalid enum value 'cook'"),
]


@pytest.mark.parametrize("command", ["check", "serve"])
@pytest.mark.parametrize(("options", "told"), REFUSED)
def test_both_commands_refuse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, options: list[str], told: str
) -> None:
    for name in ("FILE", "EMPTY"):
        (tmp_path / name).touch()
    given = [str(tmp_path / each) if each in ("FILE", "EMPTY") else each for each in options]
    state = [] if "--state" in options else ["--state", str(tmp_path / "state")]
    assert main([command, "--models", "starter", "--fetch", "never", *state, *given]) == 2
    said = capsys.readouterr().err
    assert told in said and "secret-one" not in said


def test_an_interpreter_needs_a_bus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["interpreter", "--state", str(tmp_path)]) == 2
    assert "needs --bus" in capsys.readouterr().err


def test_the_check_stores_nothing(tmp_path: Path) -> None:
    state = tmp_path / "new" / "state"
    options = ["--models", "starter", "--state", str(state), "--tls", "self"]
    assert main(["check", *options]) == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [math.inf, math.nan, -math.inf])
@pytest.mark.parametrize("name", ["stage_timeout_s", "demand_linger_s"])
def test_numbers_are_finite(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, value: float
) -> None:
    file = tmp_path / "tolk.toml"
    file.write_text(f"{name} = {value}")
    assert main(["check", "--config", str(file), "--state", str(tmp_path)]) == 2
    assert "stage" in (told := capsys.readouterr().err) or "linger" in told


@pytest.mark.parametrize(
    "url",
    [
        "tolk.example", "javascript:alert(1)", "ftp://tolk.example", "https://", "https:///x",
        "https://a b", "https://tolk.example\n", "https://user:secret@tolk.example", "//x",
        "https://tolk.example:99999", "https://tolk.example/?a", "https://tolk.example/#a",
        "https://[::1", "http://[1.2:]", "https://é!", "https://a/b'c", "https://a/b;c", "https://a/b,c",
        f"https://a/{'b' * 300}",
    ],
)  # fmt: skip
def test_a_public_url_that_makes_no_sense_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="--public-url"):
        check_addresses(config(tmp_path, public_url=url))


@pytest.mark.parametrize(
    "url",
    [
        "https://tolk.example",
        "http://[2001:db8::1]:8080/",
        "https://tolk.example/room",
        "https://tolk.example/~a(b)*!$&+=:@%20",
    ],
)
def test_a_public_url_is_accepted_also_by_other_machines(tmp_path: Path, url: str) -> None:
    check_addresses(config(tmp_path, public_url=url))
    told = Announcement(url=url)
    assert decode_announcement(encode_announcement(told)) == told


@pytest.mark.parametrize(
    "origin",
    [
        "*", "null", "site.example", "https://site.example/page", "https://*.example", "https://",
        "javascript://a", "file://a", "https://a:99999", "https://a@b", "https://a b",
    ],
)  # fmt: skip
def test_what_is_no_origin_is_refused(tmp_path: Path, origin: str) -> None:
    with pytest.raises(ConfigError, match="--allowed-origins"):
        check_addresses(config(tmp_path, allowed_origins=["https://ok.example", origin]))


def test_origins_are_accepted(tmp_path: Path) -> None:
    origins = ["https://site.example", "http://[::1]:80/", "tauri://localhost"]
    check_addresses(config(tmp_path, allowed_origins=origins))


@pytest.mark.parametrize("host", ["nobody.invalid", "203.0.113.7", "0.0.0.0:80", "http://a", "."])
def test_an_address_to_listen_on_is_one_of_this_machine(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError, match="--host"):
        check_addresses(config(tmp_path, host=host))


@pytest.mark.parametrize(
    ("host", "address"),
    [
        *(("0.0.0.0", each) for each in ("https://hall", "hall:80", "ab:80", "0.0.0.0", "a b")),
        ("127.0.0.1", "192.168.1.2"),
    ],
)
def test_a_chosen_address_that_nobody_can_use_is_refused(
    tmp_path: Path, host: str, address: str
) -> None:
    with pytest.raises(ConfigError, match="--address"):
        check_addresses(config(tmp_path, host=host, address=address))


@pytest.mark.parametrize("address", ["192.168.1.2", "hall.local", "2001:db8::1"])
def test_an_address_can_be_chosen(tmp_path: Path, address: str) -> None:
    chosen = config(tmp_path, host="0.0.0.0", address=address, tls="self")
    check_addresses(chosen)
    assert prepared(chosen).own.include(f"[{address}]" if ":" in address else address, None)
    assert address in names_in(tmp_path / "self-signed.pem")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", ""])
def test_addresses_of_this_machine_are_accepted(tmp_path: Path, host: str) -> None:
    check_addresses(config(tmp_path, host=host))


def test_a_full_state_folder_is_refused(tmp_path: Path) -> None:
    with full_disk(), pytest.raises(ConfigError, match="cannot be written to"):
        check_state(config(tmp_path))


def test_a_state_folder_in_which_nothing_must_be_stored_may_be_full(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "secret").write_bytes(b"k" * 32)
    with full_disk(), caplog.at_level(logging.WARNING):
        check_state(config(tmp_path))
    assert "cannot be written to" in caplog.text


def test_secrets_that_everybody_can_read_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    open_, closed = tmp_path / "open.secret", tmp_path / "secret"
    for path, mode in ((open_, 0o644), (closed, 0o640)):
        path.write_bytes(b"k" * 32)
        os.chmod(path, mode)
    with caplog.at_level(logging.WARNING):
        warn_of_readable_secrets(config(tmp_path, secret_file=str(open_)))
    assert str(open_) in caplog.text
    assert f"{closed}:" not in caplog.text
