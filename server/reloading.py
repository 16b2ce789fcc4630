"""What a running server reads again: its certificate, and the secret that signs tokens.

Connections stay. A new certificate is shown from the next connection on; a new secret counts from
the next token that is checked. What cannot be used changes nothing, and is logged.
"""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from server.config import Config, ConfigError
from server.http import tls
from server.http.access import Access, load_secret
from server.prepared import Prepared

logger: Final = logging.getLogger(__name__)


def is_wanted() -> bool:
    """Whether SIGHUP means to reload. From a terminal it means that the terminal is gone."""
    return sys.stdin is None or not sys.stdin.isatty()


def reload(config: Config, given: Prepared, access: Access) -> None:
    """Read it again. Each file takes a millisecond or two."""
    _try("the certificate", lambda: _certificate(config, given))
    _try("the secret of tokens", lambda: _secret(config, access))


def _certificate(config: Config, given: Prepared) -> None:
    if given.certificate is not None and config.tls_cert:
        tls.renew(given.certificate.context, Path(config.tls_cert), Path(config.tls_key))


def _secret(config: Config, access: Access) -> None:
    access.renew(load_secret(config.secret_file, Path(config.state)))


def _try(what: str, renew: Callable[[], None]) -> None:
    try:
        renew()
        logger.info("read again: %s", what)
    except ConfigError as error:
        logger.error("%s stays as it was: %s", what, error)
