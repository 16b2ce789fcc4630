"""What the processes share: stopping at SIGTERM, ending a process, describing an error, measuring
memory, giving way, the limit of open files."""

import asyncio
import logging
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final

#: More than a server will ever need.
OPEN_FILES: Final = 65_536

_log = logging.getLogger(__name__)


@contextmanager
def on_sigterm(stop: Callable[[], None]) -> Iterator[None]:
    """While the body runs, SIGTERM calls ``stop`` on the running loop instead of ending the
    process."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def end(process: asyncio.subprocess.Process, grace_s: float) -> bool:
    """Ask a process to end, and kill it after ``grace_s`` seconds, or when cancelled. Returns when
    it has ended: whether it did so by itself."""
    try:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            async with asyncio.timeout(grace_s):
                await process.wait()
        return True
    except TimeoutError:
        return False
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def give_way(nice: int) -> None:
    """Let this process come after the one that started it: for cores, by ``nice``, and in the
    choice of what is killed when memory runs out."""
    with suppress(OSError):  # not allowed in some sandbox
        os.nice(nice)
    with suppress(OSError):  # there is none outside Linux
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def raise_open_files() -> None:
    """Raise this process's limit of open files as far as the system allows. It is often 1,024 at
    first, and a listener takes one or two sockets."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def described(error: BaseException) -> str:
    """The error's type and traceback, without its message: that might contain what was said."""
    if isinstance(error, BaseExceptionGroup):
        return "\n".join(described(each) for each in error.exceptions)
    return f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}"


@contextmanager
def logged(what: str) -> Iterator[None]:
    """Log an exception of the body, which ends there. ``what``: did not work, for people."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  the caller goes on
        _log.error("%s: %s", what, described(error))


def log_without_content() -> None:
    """Let the running loop log errors that nobody handled without their messages."""
    asyncio.get_running_loop().set_exception_handler(_unhandled)


def _unhandled(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    _log.error("%s: %s", context["message"], described(error) if error else "no exception")


def print_without_content(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """For ``sys.excepthook``: why the process ends, without the error's message."""
    print(f"tolk ended because of a bug: {described(error)}", file=sys.stderr)


def rss_bytes() -> int:
    """Resident memory; if the system does not tell it, its maximum so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()
