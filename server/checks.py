"""Checks of settings beyond their types: what they name must be there, and usable.

``prepared`` calls all of them, for ``serve`` and for ``check``. None of them leaves a file.
"""

import logging
import re
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from server.config import Config, ConfigError
from server.http import netinfo
from server.http.sockets import bound

logger = logging.getLogger(__name__)

_HOST: Final = r"(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?"
_URL: Final = re.compile(rf"https?://{_HOST}(?:/[a-z0-9._~!$&'()*+,;=:@%/-]*)?", re.IGNORECASE)
#: RFC 6454. Programs that show pages have schemes of their own, such as tauri://localhost.
_ORIGIN: Final = re.compile(
    rf"(?!javascript:|data:|file:)[a-z][a-z0-9+.-]*://{_HOST}/?", re.IGNORECASE
)
#: What must fit into the state folder: a secret and a certificate, and some room.
_ROOM_BYTES: Final = 64 * 1024


def check_addresses(config: Config) -> None:
    """The address to listen on, the public URL and the origins. Raises ConfigError."""
    if config.public_url:
        _check_public_url(config.public_url)
    for origin in config.allowed_origins:
        if _ORIGIN.fullmatch(origin) is None or not _port_fits(origin):
            raise ConfigError(
                f"--allowed-origins: {origin!r} is no origin; expected: https://HOST, then :PORT "
                "if needed, without a path"
            )
    try:
        for each in bound(config.host, 0):
            each.close()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"--host: nothing can listen on {config.host!r} here ({reason}); expected: an address "
            "or name of this machine, or 0.0.0.0 for all"
        ) from error


def _check_public_url(url: str) -> None:
    if _URL.fullmatch(url) is None or not _port_fits(url):
        raise ConfigError(
            f"--public-url: {url!r} is not valid; expected: https://HOST, then :PORT and a path if "
            "needed"
        )


def _port_fits(url: str) -> bool:
    return netinfo.host_name(urlsplit(url).netloc) is not None


def check_state(config: Config) -> None:
    """The state folder can be written to. If nothing must be written there at the start, it is
    only a warning that it cannot. Raises ConfigError."""
    folder = Path(config.state)
    try:
        place = next(each for each in (folder, *folder.parents) if each.exists())
        if not place.is_dir():
            raise ConfigError(f"--state: {place} is a file; a folder is expected")
        with tempfile.TemporaryFile(dir=place, buffering=0) as file:
            if file.write(bytes(_ROOM_BYTES)) < _ROOM_BYTES:
                raise OSError(0, "No space left on device")
        return
    except OSError as error:
        problem = f"--state: {folder} cannot be written to: {error.strerror}"
    if not config.secret_file and not _is_file(folder / "secret"):
        raise ConfigError(f"{problem}. The secret that signs tokens is to be stored there")
    if config.tls == "self" and not _is_file(folder / "self-signed.pem"):
        raise ConfigError(f"{problem}. The self-signed certificate is to be stored there")
    logger.warning("%s. No models can be fetched.", problem)


def warn_of_readable_secrets(config: Config) -> None:
    """Warn of files with secrets that every user of this machine can read."""
    state = Path(config.state)
    given = [config.secret_file, config.turn_secret_file, config.tls_key]
    for path in [*(Path(each) for each in given if each), *_own(state)]:
        try:
            mode = path.stat().st_mode
        except OSError:
            continue
        if mode & stat.S_IROTH:
            logger.warning(
                "every user of this machine can read the secret in %s: chmod o-rwx %s", path, path
            )


def _own(state: Path) -> Iterable[Path]:
    return (state / "secret", state / "self-signed.pem")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
