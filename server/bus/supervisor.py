"""Keeps one process alive: starts it, watches its heartbeats, and restarts it.

A native call cannot be interrupted, so a process that hangs is killed. One that says nothing but
still runs is given more time: it may lack cores. ``replay`` decides which audio the next one gets
again.
"""

import asyncio
import logging
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from server.bus import spare as spares
from server.bus.messages import Heartbeat
from server.bus.spare import Spare
from server.machine import ran_s
from server.process import end

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """When a process counts as lost, and how soon the next one starts. In seconds."""

    silence_s: float = 2.5  # longest time between heartbeats
    running_s: float = 3.5  # so much longer, while the process runs
    loading_running_s: float = 270.0  # the same while it loads
    look_s: float = 0.25  # how often to look whether it runs
    loading_s: float = 30.0  # longest time from start to ready
    begin_s: float = 10.0  # the same of a spare
    stuck_s: float = 20.0  # longest engine call
    first_backoff_s: float = 0.2
    longest_backoff_s: float = 10.0
    healthy_s: float = 30.0  # after this time the back-off is first_backoff_s again
    grace_s: float = 2.0  # from SIGTERM to SIGKILL


DEFAULT_LIMITS = Limits()


class Ready(Protocol):
    """Whether there is what a server needs."""

    @property
    def ready(self) -> bool:
        """Whether somebody has reported to be ready, and lately."""

    @property
    def missing(self) -> str:
        """Why nobody is ready, for people; of no use if somebody is."""


class Readiness(Ready, Protocol):
    """Whether something interprets. ``restarts``: how often that was lost; ``why_lost``: the last
    time."""

    restarts: int
    why_lost: str

    def heard(self, heartbeat: Heartbeat) -> None:
        """Take note of a heartbeat of this machine's process."""


class Supervisor:
    """Keeps a process of ``command`` with ``options`` running while ``run`` runs.

    The caller passes every heartbeat to ``heard``. ``Heartbeat.worker`` must be different for each
    process. ``on_restart``: called each time a process was lost, before the next one starts; it
    may change ``options``. ``restarts``: the number of processes lost; ``why_lost``: the last one.
    ``name``: for the log. ``spare``: takes the place of a lost process at once, if it is ready.
    """

    def __init__(
        self,
        command: Sequence[str],
        on_restart: Callable[[], None] = lambda: None,
        limits: Limits = DEFAULT_LIMITS,
        name: str = "interpreter",
        spare: Spare | None = None,
    ) -> None:
        self.spare = spare
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
        self._is_stuck = False
        self._heard_s = 0.0
        self._rss_bytes = 0
        self.options: Sequence[str] = ()
        self.restarts = 0
        self.why_lost = ""

    @property
    def ready(self) -> bool:
        """Whether a process is running and has reported that it is ready."""
        return self._ready_since is not None

    @property
    def missing(self) -> str:
        """See Readiness."""
        return (
            f"the {self._name} has not loaded its models (lost {self.restarts} times so far; its "
            "log says why)"
        )

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
            self._is_stuck = True
            self._verdict = f"an engine call has been running for {heartbeat.stuck_s:.0f} s"
            self._watch.reschedule(_now())
            return
        if heartbeat.ready and self._ready_since is None:
            self._ready_since = _now()
            _log.info("%s ready after %.1f s", self._name, self.worker_age_s)
        self._rss_bytes = heartbeat.rss_bytes
        if self.ready:
            self._heard_s = _now()
            self._verdict = f"no heartbeat for {self._limits.silence_s:g} s"
            self._watch.reschedule(_now() + self._limits.silence_s)

    async def run(self) -> None:
        """Keep the process running until cancelled; then end it: SIGTERM, and SIGKILL after
        ``Limits.grace_s``. The same for its spare."""
        async with asyncio.TaskGroup() as group:
            if self.spare is not None:
                spare = self.spare.run(self._spare_needs, lambda: self.options)
                group.create_task(spare, name=f"spare {self._name}")
            await self._keep()

    def _spare_needs(self) -> int | None:
        since = self._ready_since
        settled = since is not None and _now() - since >= spares.AFTER_S
        return self._rss_bytes if settled else None

    async def _keep(self) -> None:
        backoff_s = self._limits.first_backoff_s
        spare: Process | None = None
        at_once = False
        while True:
            try:
                reason = await self._run_once(spare, at_once)
                if self._ready_since and _now() - self._ready_since > self._limits.healthy_s:
                    backoff_s = self._limits.first_backoff_s
            finally:
                self._lost_worker, self._worker = self._worker, None
                self._started = self._ready_since = None
            self.restarts += 1
            self.why_lost = reason
            self._on_restart()
            at_once = self.spare is not None and self.spare.ready
            spare = self.spare.take(self.options) if self.spare else None
            if spare is not None:
                when = "at once" if at_once else "when it is loaded"
                _log.warning("%s lost: %s; the spare one takes over %s", self._name, reason, when)
                continue
            _log.warning("%s lost: %s; next one in %.1f s", self._name, reason, backoff_s)
            await asyncio.sleep(backoff_s)
            backoff_s = min(2 * backoff_s, self._limits.longest_backoff_s)

    async def _run_once(self, spare: Process | None, at_once: bool) -> str:
        """Start a process, unless a spare one is given, and wait for its end. Returns why it
        ended. ``at_once``: the spare one has already loaded its models."""
        try:
            # A session of its own, so that Ctrl-C in the terminal reaches only the server.
            process = spare or await asyncio.create_subprocess_exec(
                *self._command,
                *self.options,
                stdin=DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            return f"{self._command[0]} cannot be started: {error}"
        self._process = process
        self._started, self._is_stuck = _now(), False
        limit_s = self._limits.begin_s if at_once else self._limits.loading_s
        self._verdict, ran = f"not ready within {limit_s:g} s", None
        try:
            while (status := await self._ended(process, limit_s)) is None:
                before, ran = ran, ran_s(process.pid)
                if not self._may_lack_cores() or ran == before:
                    _kill(process)
                    await process.wait()
                    return self._verdict
                limit_s = self._limits.look_s
            return f"it ended by signal {-status}" if status < 0 else f"it ended with {status}"
        finally:
            self._watch = None
            self._process = None
            await self._end(process)

    async def _ended(self, process: Process, limit_s: float) -> int | None:
        """The status with which it ended. None if it did not within ``limit_s``, or until when
        ``heard`` allows."""
        try:
            async with asyncio.timeout(limit_s) as self._watch:
                return await process.wait()
        except TimeoutError:
            return None

    def _may_lack_cores(self) -> bool:
        """Whether it is late for a short time only, and not stuck in a call."""
        limits = self._limits
        if not self.ready:
            return self.worker_age_s < limits.loading_s + limits.loading_running_s
        silent_s = _now() - self._heard_s
        return not self._is_stuck and silent_s < limits.silence_s + limits.running_s

    async def _end(self, process: Process) -> None:
        if not await end(process, self._limits.grace_s):
            _log.warning("%s did not end within %g s; killed", self._name, self._limits.grace_s)


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()


def _now() -> float:
    return asyncio.get_running_loop().time()
