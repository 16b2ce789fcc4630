"""What ``check`` and ``serve`` say of the settings: the same code looks at them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from server.checks import readable_secrets
from server.config import Config, ConfigError
from server.doctor.findings import Finding
from server.inputs import options as inputs
from server.interpretation.engines import ModelError
from server.prepared import Prepared, prepared

#: Whose warnings have findings of their own: see ``certificate``.
_OTHERS = ("server.http.tls",)


def settings(config: Config) -> tuple[Prepared | None, list[Finding]]:
    """Check the settings. Returns what was read, or None if they cannot be used."""
    made, found = None, []
    with _warnings() as warnings:
        try:
            made = prepared(config, keep=False, warn=False)
            inputs.check(config)
        except (ConfigError, ModelError, RuntimeError) as error:
            found.append(
                Finding("settings", "problem", str(error), "`serve` would not start: correct it")
            )
    if made is not None and not found:
        found.append(Finding("settings", "ok", "`serve` starts with them"))
    found += [Finding("settings", "note", text) for text in warnings]
    found += [
        Finding(
            "secrets",
            "problem",
            f"every user of this machine can read the secret in {path}",
            f"chmod o-rwx {path}",
        )
        for path in readable_secrets(config)
    ]
    return made, found


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """While the body runs, warnings go into this list, and not to the log."""
    kept: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.WARNING and record.name not in _OTHERS:
                kept.append(record.getMessage())

    logger, keeper = logging.getLogger("server"), Keeper()
    before = logger.propagate
    logger.addHandler(keeper)
    logger.propagate = False
    try:
        yield kept
    finally:
        logger.removeHandler(keeper)
        logger.propagate = before
