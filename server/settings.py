"""Reads the settings: command line > environment (TOLK_PORT) > TOML file > default.

An empty variable counts as not set, and a variable is not even read if the command line has the
setting: Kubernetes sets TOLK_PORT, to something else, if there is a service named "tolk".
"""

import argparse
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import msgspec

from server.config import Config, ConfigError

#: Lists whose entries may contain commas: a line each in the environment.
LINES: Final = ("input",)


def add_options(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """Add an option for each setting, and ``--config FILE``. ``default``: the value of options
    that are not given; argparse.SUPPRESS if a parent parser has the same options."""
    group = parser.add_argument_group("settings")
    group.add_argument(
        "--config",
        metavar="FILE",
        default=default,
        help="TOML file with the same names as options",
    )
    # For the server's other processes: see processes.py.
    group.add_argument("--settings", metavar="FILE", default=default, help=argparse.SUPPRESS)
    for field in msgspec.structs.fields(Config):
        described = msgspec.inspect.type_info(field.type)
        assert isinstance(described, msgspec.inspect.Metadata)
        about = str((described.extra_json_schema or {})["description"])
        shown = str(getattr(Config(), field.name)).strip("[]'")
        match described.type:
            case msgspec.inspect.ListType():
                metavar = "A,B"
            case msgspec.inspect.LiteralType(values=values):
                metavar = "|".join(map(str, values))
            case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
                metavar = "N"
            case _:
                metavar = field.name.split("_")[-1].upper()
        group.add_argument(
            "--" + field.name.replace("_", "-"),
            dest=field.name,
            default=default,
            action="append" if field.name in LINES else "store",
            metavar="SOURCE" if field.name in LINES else metavar,
            help=about + (f" (default: {shown})" if shown else ""),
        )


def load(options: argparse.Namespace, environ: Mapping[str, str]) -> Config:
    """The settings from all sources. If ``--settings`` names a file, that file alone counts: it
    has all of them. Raises ConfigError."""
    if options.settings:
        return msgspec.json.decode(Path(options.settings).read_bytes(), type=Config)
    merged: dict[str, Any] = {}
    names = [field.name for field in msgspec.structs.fields(Config)]
    if options.config:
        merged.update(_read_file(Path(options.config), names))
    for name in names:
        value, source = getattr(options, name, None), "--" + name.replace("_", "-")
        if value is None:
            source = f"TOLK_{name.upper()}"
            value = environ.get(source) or None
        if value is not None:
            _convert({name: _split(name, value)}, _explained(source, value))
            merged[name] = _split(name, value)
    config = _convert(merged, "the configuration")
    _check(config)
    return config


def _explained(source: str, value: str | list[str]) -> str:
    """``source``, for an error's text; with what to do if Kubernetes has set the variable."""
    if source.startswith("TOLK_") and isinstance(value, str) and value.startswith("tcp://"):
        return (
            f"{source} (Kubernetes sets it to {value} for a service of this name: give the option "
            "on the command line, or enableServiceLinks: false)"
        )
    return source


def _split(name: str, value: str | list[str]) -> str | list[str]:
    if isinstance(value, list):
        return value
    if name in LINES:
        return [line.strip() for line in value.splitlines() if line.strip()]
    if isinstance(getattr(Config(), name), list):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _read_file(path: Path, names: Sequence[str]) -> dict[str, Any]:
    try:
        # Editors on Windows put a mark at the beginning.
        settings = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: {error}; save it as UTF-8") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}") from error
    for name, value in settings.items():
        if name not in names:
            raise ConfigError(
                f"{path}: there is no setting {name!r}; there are: {', '.join(names)}"
            )
        _convert({name: value}, f"{path}: {name}")
    return settings


def _convert(settings: dict[str, Any], source: str) -> Config:
    """``source``: where the settings come from, for the error's text."""
    try:
        return msgspec.convert(settings, Config, strict=False)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$.")
        raise ConfigError(f"{source}: {problem}{_choices(place.rstrip('`'))}") from error


def _choices(name: str) -> str:
    """For an error's text: the values of the setting ``name``, if it is a choice."""
    kind = get_args(Config.__annotations__.get(name))[:1]
    values = get_args(kind[0]) if kind and get_origin(kind[0]) is Literal else ()
    return f"; there are: {', '.join(values)}" if values else ""


def _check(config: Config) -> None:
    for field in msgspec.structs.fields(Config):
        value = getattr(config, field.name)
        if isinstance(value, float) and not math.isfinite(value):
            option = field.name.replace("_", "-")
            raise ConfigError(f"--{option}: {value} is no number that can be used")
    if bool(config.tls_cert) != bool(config.tls_key):
        raise ConfigError("--tls-cert and --tls-key go together: give both")
    if config.tls == "self" and config.tls_cert:
        raise ConfigError("--tls self makes its own certificate: leave --tls-cert out, or --tls")
    last = max(config.port, config.media_port) + config.media_processes - 1
    if last > 65535:
        raise ConfigError(f"--media-processes: the last one's UDP port would be {last}")
