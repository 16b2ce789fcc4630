"""Keeps one process alive: starts it, watches its heartbeats, and restarts it.

A native call cannot be interrupted, so a process that hangs is killed. ``replay`` decides which
audio the next one gets again.
"""

import asyncio
import logging
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from server.bus.messages import Heartbeat
from server.process import end

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """When a process counts as lost, and how soon the next one starts. In seconds."""

    silence_s: float = 5.0  # longest time between heartbeats
    loading_s: float = 30.0  # longest time from start to ready
    stuck_s: float = 20.0  # longest engine call
    first_backoff_s: float = 0.2
    longest_backoff_s: float = 10.0
    healthy_s: float = 30.0  # after this time the back-off is first_backoff_s again
    grace_s: float = 2.0  # from SIGTERM to SIGKILL


DEFAULT_LIMITS = Limits()


class Supervisor:
    """Keeps a process of ``command`` with ``options`` running while ``run`` runs.

    The caller passes every heartbeat to ``heard``. ``Heartbeat.worker`` must be different for each
    process. ``on_restart``: called each time a process was lost, before the next one starts; it
    may change ``options``. ``restarts``: the number of processes lost. ``name``: for the log.
    """

    def __init__(
        self,
        command: Sequence[str],
        on_restart: Callable[[], None] = lambda: None,
        limits: Limits = DEFAULT_LIMITS,
        name: str = "interpreter",
    ) -> None:
        self._name = name
        self._command = command
        self._on_restart = on_restart
        self._limits = limits
        self._process: Process | None = None
        self._started: float | None = None
        self._ready_since: float | None = None
        self._worker: str | None = None
        self._lost_worker: str | None = None
        self._watch: asyncio.Timeout | None = None
        self._verdict = ""
        self.options: Sequence[str] = ()
        self.restarts = 0

    @property
    def ready(self) -> bool:
        """Whether a process is running and has reported that it is ready."""
        return self._ready_since is not None

    @property
    def pid(self) -> int | None:
        """The id of the process; None while none is running."""
        return None if self._process is None else self._process.pid

    @property
    def worker_age_s(self) -> float:
        """Seconds since the current process was started; 0 while none is running."""
        return 0.0 if self._started is None else _now() - self._started

    def heard(self, heartbeat: Heartbeat) -> None:
        """Take note of a heartbeat. Heartbeats of a process already lost are ignored."""
        if self._watch is None or self._watch.expired() or heartbeat.worker == self._lost_worker:
            return
        self._worker = heartbeat.worker
        if heartbeat.stuck_s > self._limits.stuck_s:
            self._verdict = f"an engine call has been running for {heartbeat.stuck_s:.0f} s"
            self._watch.reschedule(_now())
            return
        if heartbeat.ready and self._ready_since is None:
            self._ready_since = _now()
            _log.info("%s ready after %.1f s", self._name, self.worker_age_s)
        if self.ready:
            self._verdict = f"no heartbeat for {self._limits.silence_s:g} s"
            self._watch.reschedule(_now() + self._limits.silence_s)

    async def run(self) -> None:
        """Keep the process running until cancelled; then end it: SIGTERM, and SIGKILL after
        ``Limits.grace_s``."""
        backoff_s = self._limits.first_backoff_s
        while True:
            try:
                reason = await self._run_once()
                if self._ready_since and _now() - self._ready_since > self._limits.healthy_s:
                    backoff_s = self._limits.first_backoff_s
            finally:
                self._lost_worker, self._worker = self._worker, None
                self._started = self._ready_since = None
            self.restarts += 1
            _log.warning("%s lost: %s; next one in %.1f s", self._name, reason, backoff_s)
            self._on_restart()
            await asyncio.sleep(backoff_s)
            backoff_s = min(2 * backoff_s, self._limits.longest_backoff_s)

    async def _run_once(self) -> str:
        """Start a process and wait for its end. Returns why it ended."""
        try:
            # A session of its own, so that Ctrl-C in the terminal reaches only the server.
            process = await asyncio.create_subprocess_exec(
                *self._command,
                *self.options,
                stdin=DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            return f"{self._command[0]} cannot be started: {error}"
        self._process = process
        self._started = _now()
        self._verdict = f"not ready within {self._limits.loading_s:g} s"
        try:
            async with asyncio.timeout(self._limits.loading_s) as self._watch:
                status = await process.wait()
            return f"it ended by signal {-status}" if status < 0 else f"it ended with {status}"
        except TimeoutError:
            _kill(process)
            await process.wait()
            return self._verdict
        finally:
            self._watch = None
            self._process = None
            await self._end(process)

    async def _end(self, process: Process) -> None:
        if not await end(process, self._limits.grace_s):
            _log.warning("%s did not end within %g s; killed", self._name, self._limits.grace_s)


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()


def _now() -> float:
    return asyncio.get_running_loop().time()
