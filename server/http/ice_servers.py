"""The STUN and TURN servers that pages are told of. This server uses none itself: it is reached
at its own addresses, directly or from a TURN server's. None is built in: who runs one sees who
talks when.

A TURN server asks for credentials. Fixed ones are handed to everybody who joins; better is a
secret shared with it, of which each participant gets a password of their own that expires
(coturn's ``use-auth-secret``; draft-uberti-behave-turn-rest-00).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from server.config import Config, ConfigError
from signaling.messages import IceServer

#: A password outlives a long day's talk: TURN asks for it again and again.
VALID_S: Final = 24 * 3600
#: RFC 7064 and RFC 7065.
_URL: Final = re.compile(
    r"(stuns?|turns?):([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?"
    r"(\?transport=(udp|tcp))?"
)

IceServers = Callable[[float], list[IceServer]]


def ice_servers(config: Config) -> IceServers:
    """What to tell a participant who joins at a time, in seconds since 1970. Raises ConfigError."""
    for url in config.ice_servers:
        if _URL.fullmatch(url) is None or (url.startswith("stun") and "?" in url):
            raise ConfigError(
                f"--ice-servers: {url!r} is none; expected is stun:HOST or turn:HOST, perhaps with "
                ":PORT, and of turn with ?transport=tcp"
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
    """User name and password for a time."""
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
