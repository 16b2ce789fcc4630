"""The settings: command line > environment (TOLK_PORT) > TOML file > default."""

import argparse
import math
import os
import tomllib
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta

from server.interpretation.policies import DEFAULT_POLICY, PolicyName
from signaling.messages import Recorded

RecognizerChoice = Literal["auto", "vosk", "whisper"]
#: Lists whose entries may contain commas: a line each in the environment.
LINES = ("input",)
STARTER_MODELS = Path(__file__).parent / "models" / "starter"


def _state_folder() -> str:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return str(Path(base) / "tolk")


def about(text: str, **limits: float) -> Meta:
    """The description of a setting, and its limits, as in msgspec.Meta."""
    meta: Meta = Meta(description=text, **limits)  # type: ignore[call-overload]
    return meta


class ConfigError(Exception):
    """A setting is wrong. The message names the setting, its source and what is expected."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All settings. Each is a command line option, a TOLK_… variable and a key in the file."""

    host: Annotated[str, about("address to listen on; 0.0.0.0 for all")] = "127.0.0.1"
    port: Annotated[int, about("TCP port of pages and signaling", ge=0, le=65535)] = 8080
    media_port: Annotated[
        int,
        about("UDP port for audio; -1: same as --port; 0: one per participant", ge=-1, le=65535),
    ] = -1
    media_processes: Annotated[
        int,
        about(
            "processes that send to listeners, each on its own core; their UDP ports follow the "
            "first one's",
            ge=1,
            le=64,
        ),
    ] = 1
    public_url: Annotated[str, about("URL that people use, if behind a proxy (https://…)")] = ""
    tls: Annotated[
        Literal["off", "self"], about("'self': make and keep a self-signed certificate")
    ] = "off"
    tls_cert: Annotated[str, about("certificate chain, PEM")] = ""
    tls_key: Annotated[str, about("private key of --tls-cert, PEM")] = ""
    trusted_proxies: Annotated[
        list[str], about("networks whose X-Forwarded-* headers are believed")
    ] = []
    allowed_origins: Annotated[list[str], about("other web origins whose pages may connect")] = []
    metrics_from: Annotated[
        list[str], about("networks that may read /metrics and /api/streams without a token")
    ] = []
    ice_addresses: Annotated[
        list[str], about("addresses offered for audio; default: this machine's")
    ] = []
    ice_servers: Annotated[
        list[str], about("STUN and TURN servers for the pages, such as turn:turn.example:3478")
    ] = []
    turn_secret_file: Annotated[
        str, about("file with the secret shared with the TURN server (coturn: use-auth-secret)")
    ] = ""
    turn_username: Annotated[str, about("user name for a TURN server without a secret")] = ""
    turn_password: Annotated[str, about("its password; every participant can see both")] = ""
    models: Annotated[
        str,
        about(
            "folder with models, or 'starter': only the shipped ones; default: those fetched into "
            "the state folder, then the shipped ones"
        ),
    ] = ""
    recognizer: Annotated[
        RecognizerChoice, about("'auto': Whisper if installed, Vosk for other languages")
    ] = "auto"
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        about("device for Whisper and translation; 'auto': a GPU if there is one"),
    ] = "auto"
    fetch: Annotated[
        Literal["auto", "never"],
        about("'auto': fetch better models at the first start, while it serves"),
    ] = "auto"
    mirror: Annotated[
        str, about("URL of another source of models, with the paths of the official one")
    ] = ""
    state: Annotated[str, about("folder for keys, certificates and fetched models")] = (
        msgspec.field(default_factory=_state_folder)
    )
    glossaries: Annotated[str, about("folder with the glossaries of streams: STREAM.toml")] = ""
    record: Annotated[
        list[Recorded], about("what is recorded of every stream: audio, text, or both")
    ] = []
    record_folder: Annotated[str, about("folder for recordings; default: in the state folder")] = ""
    record_limit_gb: Annotated[
        float, about("size of all recordings at which recording stops; 0: no limit", ge=0)
    ] = 0.0
    record_days: Annotated[
        float, about("days after which a recording is removed; 0: never", ge=0)
    ] = 0.0
    secret_file: Annotated[
        str, about("file with the secret that signs tokens; default: in the state folder")
    ] = ""
    speak_token: Annotated[
        Literal["auto", "required", "open"],
        about("who may speak; 'auto': a token is needed unless only this machine can connect"),
    ] = "auto"
    listen_token: Annotated[
        Literal["open", "required"], about("whether listening needs a token")
    ] = "open"
    max_streams: Annotated[int, about("maximum number of streams", ge=1)] = 20
    max_listeners: Annotated[int, about("maximum number of listeners of a stream", ge=1)] = 500
    max_sessions_per_address: Annotated[
        int, about("maximum number of sessions of an IP address, such as a hall's NAT", ge=1)
    ] = 500
    max_languages: Annotated[
        int, about("languages interpreted at a time; 0: as many as the cores can do", ge=0)
    ] = 0
    demand_linger_s: Annotated[
        float, about("how long a language continues after its last listener", ge=0)
    ] = 10.0
    policy: Annotated[
        PolicyName,
        about(
            "when to interpret: 'prefix', while a sentence grows; 'clause', after each clause; "
            "'sentence', at its end"
        ),
    ] = DEFAULT_POLICY
    stage_timeout_s: Annotated[float, about("time limit of one engine call", gt=0)] = 5.0
    input: Annotated[
        list[str],
        about(
            "a live source to interpret: 'URL --stream NAME --from LANGUAGE', and other options of "
            "the input command; can be given again"
        ),
    ] = []
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        about("how much is logged; never what people say"),
    ] = "info"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    @property
    def has_tls(self) -> bool:
        """Whether pages and signaling are served over HTTPS."""
        return self.tls == "self" or bool(self.tls_cert)

    @property
    def speaking_needs_token(self) -> bool:
        """Whether a speaker needs a token."""
        return self.speak_token == "required" or (
            self.speak_token == "auto" and not self.is_loopback
        )


def tolk_version() -> str:
    """The installed distribution's version, or "source" from a bare checkout."""
    try:
        return version("tolk")
    except PackageNotFoundError:
        return "source"


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
        usual = getattr(Config(), field.name)
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
            help=about + ("" if usual in ("", []) else f" (default: {usual})"),
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
        for value, source in (
            (environ.get(f"TOLK_{name.upper()}"), f"TOLK_{name.upper()}"),
            (getattr(options, name, None), "--" + name.replace("_", "-")),
        ):
            if value is not None:
                _convert({name: _split(name, value)}, source)
                merged[name] = _split(name, value)
    config = _convert(merged, "the configuration")
    _check(config)
    return config


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
        settings = tomllib.loads(path.read_text(encoding="utf8"))
    except (OSError, ValueError) as error:
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
