"""The commands that start a server's other processes, with its settings."""

import sys

from server.config import Config


def worker(config: Config) -> list[str]:
    """An interpreter."""
    return [
        *(sys.executable, "-m", "server", "worker"),
        *("--models", config.models),
        *("--state", config.state),
        *("--recognizer", config.recognizer),
        *("--device", config.device),
        *("--policy", config.policy),
        *("--stage-timeout-s", str(config.stage_timeout_s)),
        *("--log-level", config.log_level),
    ]


def edge(config: Config, number: int) -> list[str]:
    """The further media process of this number."""
    port, media_port = (
        each + number if each > 0 else each for each in (config.port, config.media_port)
    )
    return [
        *(sys.executable, "-m", "server", "edge"),
        *("--host", config.host),
        *("--port", str(port)),
        *("--media-port", str(media_port)),
        *("--media-processes", "1"),
        *("--state", config.state),
        *("--ice-addresses", ",".join(config.ice_addresses)),
        *("--log-level", config.log_level),
    ]


def fetch(config: Config) -> list[str]:
    """What fetches the models that suit this machine."""
    return [
        *(sys.executable, "-m", "server", "models", "pull", "--recommended", "--json"),
        *("--mirror", config.mirror),
        *("--state", config.state),
        *("--log-level", config.log_level),
    ]
