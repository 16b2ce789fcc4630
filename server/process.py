"""What the processes share: stopping at SIGTERM, ending a process, describing an error, measuring
memory."""

import asyncio
import logging
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

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


def described(error: BaseException) -> str:
    """The error's type and traceback, without its message: that might contain what was said."""
    if isinstance(error, BaseExceptionGroup):
        return "\n".join(described(each) for each in error.exceptions)
    return f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}"


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
