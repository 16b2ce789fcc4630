"""The sources of ``serve --input``: an ``input`` command for each, kept running beside the server.

Their arguments are passed in files that only the owner can read, and their tokens in the
environment: every user of a machine can see the command lines of its processes.
"""

import asyncio
import logging
import os
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from server.client.options import TOKEN
from server.config import Config
from server.http import netinfo
from server.inputs.command import OVER
from server.inputs.options import WITH_PARENT, words
from server.process import end

#: Between two runs of a command: doubled each time, up to the second. Seconds.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
#: A command that ran longer is started again after FIRST_PAUSE_S. Seconds.
HEALTHY_S: Final = 60.0
#: From SIGTERM to SIGKILL. Seconds.
GRACE_S: Final = 2.0
#: How long the tokens hold: as long as a server may run without a restart.
TOKEN_S: Final = 5 * 365 * 86_400.0

_log = logging.getLogger(__name__)


@asynccontextmanager
async def running(
    config: Config, port: int, token: Callable[[str, float], str]
) -> AsyncIterator[None]:
    """Run the commands while the body runs. ``port``: of this server. ``token`` makes one that
    allows speaking in a stream, for so many seconds."""
    if not config.input:
        yield
        return
    async with asyncio.TaskGroup() as group:
        tasks = []
        for number, text in enumerate(config.input):
            options = words(text)
            given = [*options.given, *_way(config, port, options.audio)]
            work = _kept(given, options.stream, token)
            tasks.append(group.create_task(work, name=f"input-{number}"))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


def _way(config: Config, port: int, audio: str | None) -> list[str]:
    """The options with which a command reaches this server."""
    host = "127.0.0.1" if config.host in ("", "0.0.0.0") else config.host
    host = "::1" if host == "::" else host
    scheme = "https" if config.has_tls else "http"
    way = ["--url", netinfo.base_url(scheme, host, port), "--log-level", config.log_level]
    way.append(WITH_PARENT)
    if config.has_tls:
        way.append("--insecure")
    if audio is None:
        way += ["--audio", "socket-opus"]
    return way


def _write(file: Path, arguments: Sequence[str]) -> None:
    """Write the arguments, one a line, for the owner alone."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf8") as lines:
        lines.writelines(f"{each}\n" for each in arguments)


async def _kept(given: Sequence[str], stream: str, token: Callable[[str, float], str]) -> None:
    """Run the command again and again, until it is not to be begun again. Each run gets a new
    token: the secret that signs them may be another one by then. Each gets its arguments in a new
    file: systems remove temporary files after some days."""
    loop = asyncio.get_running_loop()
    pause_s = FIRST_PAUSE_S
    while True:
        began_s = loop.time()
        try:
            with tempfile.TemporaryDirectory(prefix="tolk-") as folder:
                file = Path(folder) / "input"
                _write(file, given)
                status = await _run(file, {**os.environ, TOKEN: token(stream, TOKEN_S)})
        except (OSError, RuntimeError) as error:  # no process, or thread for it, could be started
            _log.warning("the input of %s: %s", stream, getattr(error, "strerror", None) or error)
            status = 1
        if status == OVER:
            _log.warning("the input of %s is over; it begins again with the server", stream)
        if status in (0, OVER):
            return
        if loop.time() - began_s > HEALTHY_S:
            pause_s = FIRST_PAUSE_S
        _log.warning("the input of %s ended with %d; again in %g s", stream, status, pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


async def _run(file: Path, environment: dict[str, str]) -> int:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "input", f"@{file}"),
        stdin=PIPE,  # it ends when this is closed, even if this process is killed
        env=environment,
        start_new_session=True,  # Ctrl-C in the terminal reaches only the server
    )
    try:
        return await process.wait()
    finally:
        await end(process, GRACE_S)
