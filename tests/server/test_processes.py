"""All processes of a server get its settings, and no other user can read them."""

import argparse
import fcntl
import os
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec
import pytest

from server import processes
from server.config import Config
from server.settings import add_options, load


def other(value: Any, kind: Any) -> Any:
    """Another value of a setting than ``value``."""
    choices = get_args(get_args(kind)[0]) if get_origin(get_args(kind)[0]) else ()
    match value:
        case str() if choices:
            return next(each for each in choices if each != value)
        case str():
            return f"{value} other"
        case list():
            known = [each for item in choices for each in get_args(item)]
            return known or ["one", "two, with a comma"]
    return value + 1


SET = Config(
    **{
        field.name: other(getattr(Config(), field.name), field.type)
        for field in msgspec.structs.fields(Config)
    }
)

#: What its processes get: joining other machines is no matter of theirs.
BARE = msgspec.structs.replace(SET, bus="", bus_credentials="", roles=[])


def loaded(command: list[str]) -> Config:
    """The settings with which the process of this command starts."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    options, _ = parser.parse_known_args(command)
    return load(options, {"TOLK_DEVICE": "cpu", "TOLK_PORT": "none"})


def test_the_test_s_settings_all_differ_from_the_defaults() -> None:
    for field in msgspec.structs.fields(Config):
        assert getattr(SET, field.name) != getattr(Config(), field.name)


def test_an_interpreter_gets_every_setting_regardless_of_the_environment(tmp_path: Path) -> None:
    assert loaded(processes.worker(SET, tmp_path)) == BARE


def test_the_fetcher_gets_every_setting(tmp_path: Path) -> None:
    assert loaded(processes.fetch(SET, tmp_path)) == BARE


@pytest.mark.parametrize(
    ("media_port", "expected"), [(-1, -1), (0, 0), (9000, 9002)], ids=["port", "any", "given"]
)
def test_an_edge_gets_every_setting_and_its_own_ports(
    tmp_path: Path, media_port: int, expected: int
) -> None:
    config = msgspec.structs.replace(BARE, port=8080, media_port=media_port)
    assert loaded(processes.edge(config, tmp_path, 2)) == msgspec.structs.replace(
        config, port=8082, media_port=expected, media_processes=1
    )


def test_secret_settings_are_not_readable_by_other_users(
    tmp_path: Path,
) -> None:
    config = Config(turn_password="a password")
    words = processes.worker(config, tmp_path)
    assert not any("a password" in each for each in words)
    for file in tmp_path.iterdir():
        assert os.stat(file).st_mode & 0o077 == 0


def test_the_folder_of_settings_is_locked_so_that_nothing_in_it_is_removed_as_old() -> None:
    with processes.scratch() as folder:
        other_program = os.open(folder, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other_program, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(other_program)
    assert not folder.exists()
