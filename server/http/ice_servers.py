"""The STUN and TURN servers that pages are told to use. This server uses none itself: clients
reach it at its own addresses, directly or through a TURN server. There are no default ones, as
whoever runs such a server sees who talks when.

A TURN server asks for credentials. Fixed ones are given to everybody who joins. It is better to
share a secret with the TURN server: then each participant gets its own password, which expires
(coturn's ``use-auth-secret``; draft-uberti-behave-turn-rest-00).
"""

import base64
import hashlib
import hmac
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from server.config import Config, ConfigError
from signaling.messages import IceServer

#: How long a password is valid: longer than any session, as TURN asks for it repeatedly.
VALID_S: Final = 24 * 3600
#: RFC 7064 and RFC 7065.
_URL: Final = re.compile(
    r"(stuns?|turns?):([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?"
    r"(\?transport=(udp|tcp))?"
)

#: Between two warnings, in seconds.
_QUIET_S: Final = 60.0
_log = logging.getLogger(__name__)

IceServers = Callable[[float], list[IceServer]]


class Refusals:
    """Warns that participants say that the TURN server refuses their passwords; once a minute at
    most."""

    def __init__(self) -> None:
        self._warned_s: float | None = None

    def count(self, told: list[IceServer], now_s: float) -> None:
        """A participant says so. ``told``: what it may have been told; ``now_s``: on any clock."""
        urls = [url for each in told if each.username is not None for url in each.urls]
        if urls and (self._warned_s is None or now_s >= self._warned_s + _QUIET_S):
            self._warned_s = now_s
            _log.warning(
                "a TURN server refuses the passwords of participants (%s): its secret is not that "
                "of --turn-secret-file, or --turn-password is wrong, or its clock and ours differ "
                "by hours; who cannot use UDP hears over the WebSocket meanwhile",
                ", ".join(urls),
            )


def ice_servers(config: Config) -> IceServers:
    """A function that returns the servers to tell a participant, for the time of its join in
    seconds since 1970. Raises ConfigError."""
    for url in config.ice_servers:
        if _URL.fullmatch(url) is None or (url.startswith("stun") and "?" in url):
            raise ConfigError(
                f"--ice-servers: {url!r} is not valid; expected: stun:HOST or turn:HOST, then "
                ":PORT if needed, and after turn ?transport=tcp if needed"
            )
    stun = [url for url in config.ice_servers if url.startswith("stun")]
    turn = [url for url in config.ice_servers if url.startswith("turn")]
    credentials = _credentials(config) if turn else None
    plain = [IceServer(urls=stun)] if stun else []

    def at(now_s: float) -> list[IceServer]:
        if credentials is None:
            return plain
        username, password = credentials(now_s)
        return [*plain, IceServer(urls=turn, username=username, credential=password)]

    return at


def _credentials(config: Config) -> Callable[[float], tuple[str, str]]:
    """A function that returns user name and password for a time in seconds since 1970."""
    fixed = config.turn_username, config.turn_password
    if all(fixed) == bool(config.turn_secret_file) or any(fixed) != all(fixed):
        raise ConfigError(
            "a TURN server asks for credentials: give either --turn-secret-file, or "
            "--turn-username and --turn-password"
        )
    if all(fixed):
        return lambda now_s: fixed
    try:
        secret = Path(config.turn_secret_file).read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"--turn-secret-file: {error}") from error
    if not secret:
        raise ConfigError(f"--turn-secret-file: {config.turn_secret_file} is empty")

    def passing(now_s: float) -> tuple[str, str]:
        username = f"{int(now_s) + VALID_S}:tolk"
        digest = hmac.new(secret, username.encode(), hashlib.sha1).digest()
        return username, base64.b64encode(digest).decode()

    return passing
