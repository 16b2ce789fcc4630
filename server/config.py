"""The settings. ``settings`` reads them."""

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from server.bus_settings import BusSettings, about
from server.interpretation.policies import DEFAULT_POLICY, PolicyName
from signaling.messages import Recorded

RecognizerChoice = Literal["auto", "vosk", "whisper"]
STARTER_MODELS = Path(__file__).parent / "models" / "starter"


def _state_folder() -> str:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return str(Path(base) / "tolk")


class ConfigError(Exception):
    """A setting is wrong. The message names the setting, its source and what is expected."""


class Config(BusSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
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
    address: Annotated[
        str, about("address or name in printed addresses and codes; default: this machine's best")
    ] = ""
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
    public_streams: Annotated[list[str], about("live streams shown to visitors; *: all")] = (
        msgspec.field(default_factory=lambda: ["main"])
    )
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
    spare: Annotated[
        Literal["auto", "never"],
        about("'auto': a second interpreter waits to replace a lost one, if there is memory"),
    ] = "auto"
    policy: Annotated[
        PolicyName,
        about(
            "when to interpret: 'prefix', while a sentence grows; 'clause', after each clause; "
            "'sentence', at its end or at a pause"
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
        """Whether only this machine can reach the server, unless there is a proxy."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    @property
    def has_proxy(self) -> bool:
        """Whether others reach the server through a proxy."""
        return bool(self.public_url or self.trusted_proxies)

    @property
    def has_tls(self) -> bool:
        """Whether pages and signaling are served over HTTPS."""
        return self.tls == "self" or bool(self.tls_cert)

    @property
    def speaking_needs_token(self) -> bool:
        """Whether a speaker needs a token."""
        return self.speak_token == "required" or (
            self.speak_token == "auto" and (self.has_proxy or not self.is_loopback)
        )


def tolk_version() -> str:
    """The installed distribution's version, or "source" from a bare checkout."""
    try:
        return version("tolk")
    except PackageNotFoundError:
        return "source"
