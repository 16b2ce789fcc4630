"""``tolk serve`` and ``tolk edge``: run a server until it is told to end, or until another process
replaces it."""

import argparse
import asyncio
import errno
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, ExitStack
from typing import Final

from server import app, draining, garbage, reloading, succession
from server.config import Config
from server.http.sockets import reserved
from server.inputs import beside
from server.inputs import options as inputs
from server.instance import Instance
from server.process import log_without_content, raise_open_files
from server.settings import load
from server.succession import Predecessor, Successor

#: When participants come back to the process that has taken over. Some wait half as long again.
BACK_S: Final = 0.2

_log: Final = logging.getLogger(__name__)


def run(config: Config, options: argparse.Namespace) -> int:
    """Serve; returns the exit status."""
    inputs.check(config)
    return _finished(_serve(config, options))


def run_edge(config: Config, read: Callable[[], Config]) -> int:
    """Serve as an edge; returns the exit status. ``read`` reads the settings again."""
    return _finished(_serve_listeners(config, read))


def _finished(serving: Coroutine[None, None, None]) -> int:
    """Run ``serving`` to its end; returns the exit status."""
    raise_open_files()
    failed: BaseException | None = None
    try:
        asyncio.run(serving)
    except* OSError as errors:
        failed = errors
    while isinstance(failed, BaseExceptionGroup):
        failed = failed.exceptions[0]
    if isinstance(failed, OSError):
        taken = failed.errno == errno.EADDRINUSE
        hint = ". Does Tolk run already? Else give another --port." if taken else ""
        print(f"tolk: {failed.strerror or failed}{hint}", file=sys.stderr)
    return 1 if failed else 0


async def _serve(config: Config, options: argparse.Namespace) -> None:
    log_without_content()
    with ExitStack() as stack:
        before = stack.enter_context(Predecessor(options.handed)) if options.handed else None
        if before:  # if one is in use, that is to be known before the other lets its own go
            before.sockets += reserved(config.host, config.port, before.sockets)
        async with (
            app.running(config, before=before) as server,
            _collecting(server),
            _reloading(lambda: load(options, os.environ), server),
        ):
            stopped = _told_by(signal.SIGINT, signal.SIGTERM)
            renew = _told_by(signal.SIGUSR2)
            _tell(lambda: server.addresses.text)
            succession.notify("READY=1")
            while True:
                async with beside.running(config, server.port, _tokens(server)):
                    successor = await succession.succeeded(renew, stopped, lambda: server.sockets)
                    stopped.clear()  # once more means at once
                    if successor is not None:
                        stack.callback(successor.close)
                        await _until_a_pause(server, successor, stopped)
                if successor is None:
                    succession.notify("STOPPING=1")
                    await draining.finish(server.manager, server.live, stopped)
                    return
                if successor.lives:
                    await _give_way(server, successor)
                    return
                _log.error("process %d has ended, and this one goes on", successor.pid)
                draining.go_on(server.manager, server.live)


async def _serve_listeners(config: Config, read: Callable[[], Config]) -> None:
    from server import edge_app  # here, as one machine does without the library of NATS

    log_without_content()
    async with edge_app.running(config) as edge, _reloading(read, edge):
        stopped = _told_by(signal.SIGINT, signal.SIGTERM)
        _tell(lambda: edge_app.text(edge))
        succession.notify("READY=1")
        await stopped.wait()
        succession.notify("STOPPING=1")


async def _until_a_pause(server: app.Server, successor: Successor, hurry: asyncio.Event) -> None:
    """Wait for a pause, if there is one soon. Inputs beside the server speak until then."""
    if not await draining.pause(server.live, hurry) and successor.lives:
        await draining.finish(server.manager, server.live, hurry, floor=True)


async def _give_way(server: app.Server, successor: Successor) -> None:
    """Leave the ports to ``successor``."""
    server.manager.back_s = BACK_S
    await server.leave()
    succession.notify(f"MAINPID={successor.pid}")
    successor.take_over()


def _collecting(server: app.Server) -> AbstractAsyncContextManager[None]:
    def nobody_listens() -> bool:
        return not any(stream.listeners for stream in server.manager.streams.values())

    return garbage.when_idle(nobody_listens)


def _tokens(server: app.Server) -> Callable[[str, float], str]:
    """Makes tokens for the live sources that the server starts."""

    def token(stream: str, valid_s: float) -> str:
        return server.access.issue(
            subject="input", stream=stream, speak=True, take_over=True, valid_s=valid_s
        )

    return token


def _tell(text: Callable[[], str]) -> None:
    """Print a text for people. The terminal may be gone, and the server goes on."""
    try:
        print(text(), flush=True)
    except (OSError, ValueError) as error:
        _log.warning("the addresses cannot be printed: %s", error)


def _reloading(read: Callable[[], Config], server: Instance) -> AbstractAsyncContextManager[None]:
    told = _told_by(signal.SIGHUP) if reloading.is_wanted() else asyncio.Event()
    return reloading.whenever(told, lambda: reloading.reload(read, server))


def _told_by(*numbers: signal.Signals) -> asyncio.Event:
    """Set at one of these signals."""
    told = asyncio.Event()
    for number in numbers:
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    return told
