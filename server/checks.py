"""Checks of settings beyond their types: what they name must be there, and usable.

``prepared`` calls all of them, for ``serve`` and for ``check``. None of them leaves a file.
"""

import importlib.util
import logging
import re
import stat
import tempfile
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from server.bus import addresses
from server.config import Config, ConfigError
from server.http import netinfo
from server.http.sockets import bound

logger = logging.getLogger(__name__)

_HOST: Final = r"(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?"
#: Without the characters that end an address in a page's headers. Machines tell it each other.
_URL: Final = re.compile(rf"https?://{_HOST}(?:/[a-z0-9._~!$&()*+=:@%/-]*)?", re.IGNORECASE)
_LONGEST_URL: Final = 300
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
    if config.address:
        _check_address(config)
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


def _check_address(config: Config) -> None:
    if not _is_host(config.address) or netinfo.is_unspecified(config.address):
        raise ConfigError(
            f"--address: {config.address!r} is not valid; expected: an address or a name, such as "
            "192.168.1.2 or hall.local, without https:// and without a port"
        )
    if config.is_loopback:
        raise ConfigError("--address: only this machine can reach the server; add --host 0.0.0.0")


def _is_host(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return re.fullmatch("[a-z0-9._-]{1,253}", text, re.IGNORECASE) is not None


def _check_public_url(url: str) -> None:
    if _URL.fullmatch(url) is None or not _port_fits(url) or len(url) > _LONGEST_URL:
        raise ConfigError(
            f"--public-url: {url!r} is not valid; expected: https://HOST, then :PORT and a path if "
            f"needed, of at most {_LONGEST_URL} characters"
        )


def _port_fits(url: str) -> bool:
    try:
        return netinfo.host_name(urlsplit(url).netloc) is not None
    except ValueError:  # what is in brackets is no address
        return False


def check_bus(config: Config) -> None:
    """The bus of several machines, if one is given, and the roles of this one. Raises
    ConfigError."""
    roles = set(config.roles)
    if not config.bus:
        if config.bus_credentials:
            raise ConfigError("--bus-credentials: give --bus too, or leave it out")
        if roles and roles != {"hub", "edge", "interpreter"}:
            raise ConfigError(
                f"--roles {','.join(config.roles)}: without --bus there is no other machine for "
                "the other roles; leave it out"
            )
        return
    if roles and not {"hub", "edge"} <= roles:
        raise ConfigError(
            f"--roles {','.join(config.roles)}: a server is always hub and edge; expected: "
            "hub,edge or hub,edge,interpreter. For an interpreter: python -m server interpreter"
        )
    try:
        addresses.parse(config.bus, config.bus_credentials)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if importlib.util.find_spec("nats") is None:
        raise ConfigError("--bus needs a library: pip install 'nats-py>=2.16,<3'")


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
    for path in readable_secrets(config):
        logger.warning(
            "every user of this machine can read the secret in %s: chmod o-rwx %s", path, path
        )


def readable_secrets(config: Config) -> list[Path]:
    """The files with secrets that every user of this machine can read."""
    given = [
        *(config.secret_file, config.turn_secret_file),
        *(config.tls_key, config.bus_credentials),
    ]
    files = [*(Path(each) for each in given if each), *_own(Path(config.state))]
    return [path for path in dict.fromkeys(files) if _mode(path) & stat.S_IROTH]


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def _own(state: Path) -> Iterable[Path]:
    return (state / "secret", state / "self-signed.pem")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
