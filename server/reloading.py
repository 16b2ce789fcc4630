"""What a running server or edge reads again: its certificate, the secret that signs tokens, and the
limits in its settings; a server also the glossaries of streams.

Connections stay. A new certificate is shown from the next connection on; a new secret counts from
the next token that is checked, a limit from the next join, a glossary from the next clause. What
cannot be used changes nothing, and is logged.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from server.config import Config, ConfigError
from server.http import tls
from server.http.access import Access, load_secret
from server.instance import Instance, Server
from server.prepared import Prepared

#: The settings that count at once.
LIMITS: Final = ("max_streams", "max_listeners", "max_sessions_per_address", "max_languages")

logger: Final = logging.getLogger(__name__)


def is_wanted() -> bool:
    """Whether SIGHUP means to reload. From a terminal it means that the terminal is gone."""
    return sys.stdin is None or not sys.stdin.isatty()


async def reload(read: Callable[[], Config], server: Instance) -> None:
    """Read it again. ``read`` reads the settings. Each file takes a millisecond or two, but for
    those of glossaries: they are read in a thread."""
    config, given = server.config, server.given
    _try("the certificate", lambda: _certificate(config, given))
    _try("the secret of tokens", lambda: _secret(config, server.access))
    _try("the limits", lambda: _limits(read(), server))
    if isinstance(server, Server):
        await _glossaries(config.glossaries, given)


@asynccontextmanager
async def whenever(
    told: asyncio.Event, reload: Callable[[], Awaitable[None]]
) -> AsyncIterator[None]:
    """While the body runs, ``reload`` each time ``told`` is set."""

    async def keep() -> None:
        while True:
            await told.wait()
            told.clear()
            await reload()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(keep(), name="reload")
        try:
            yield
        finally:
            task.cancel()


async def _glossaries(folder: str, given: Prepared) -> None:
    what = "the glossaries"
    try:
        files = await given.glossary_files.call(lambda: given.glossaries.files(folder))
    except ConfigError as error:
        _stays(what, error)
    except OSError as error:
        _stays(what, f"their folder does not answer ({error or type(error).__name__})")
    else:
        _try(what, lambda: given.glossaries.use(files, folder))


def _limits(wanted: Config, server: Instance) -> None:
    changed = [
        field.name
        for field in msgspec.structs.fields(Config)
        if getattr(wanted, field.name) != getattr(server.config, field.name)
    ]
    server.config = msgspec.structs.replace(
        server.config, **{name: getattr(wanted, name) for name in LIMITS}
    )
    server.manager.max_streams = wanted.max_streams
    server.manager.max_listeners = wanted.max_listeners
    server.manager.addresses.most = wanted.max_sessions_per_address
    if isinstance(server, Server):
        server.context.admission.max_languages = wanted.max_languages
    if later := [name for name in changed if name not in LIMITS]:
        logger.warning("these settings count after a restart only: %s", ", ".join(later))


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
        _stays(what, error)


def _stays(what: str, why: object) -> None:
    logger.error("%s stays as it was: %s", what, why)
