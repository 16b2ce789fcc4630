"""The supervisor with real child processes."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from server.bus.messages import Heartbeat
from server.bus.supervisor import Limits, Supervisor

DEADLINE_S = 20
QUICK = Limits(first_backoff_s=0.01, longest_backoff_s=0.02)
SLEEP = "import time; time.sleep(600)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"


class Child:
    """A command whose runs write their pid to a file, and the supervisor that runs it."""

    def __init__(self, folder: Path, before: str, then: str, limits: Limits) -> None:
        self._pids = folder / "pids"
        self._pids.touch()
        tell = f"import os; print(os.getpid(), file=open({str(self._pids)!r}, 'a'), flush=True)"
        self.losses = 0
        self.supervisor = Supervisor(
            [sys.executable, "-c", f"{before}\n{tell}\n{then}"],
            on_restart=self._lost,
            limits=limits,
        )

    def _lost(self) -> None:
        self.losses += 1

    @property
    def pids(self) -> list[int]:
        return [int(line) for line in self._pids.read_text().splitlines()]

    async def started(self, times: int) -> None:
        """Wait until the command was started so often and is being watched."""
        await until(lambda: len(self.pids) >= times and self.supervisor.worker_age_s > 0)

    def ready(self) -> bool:
        return self.supervisor.ready

    def beat(self, ready: bool = True, stuck_s: float = 0.0, worker: str = "") -> None:
        self.supervisor.heard(
            Heartbeat(
                stream="",
                epoch=0,
                worker=worker or str(self.pids[-1]),
                ready=ready,
                stuck_s=stuck_s,
            )
        )


@asynccontextmanager
async def running(
    folder: Path, *, before: str = "", then: str = SLEEP, limits: Limits = QUICK
) -> AsyncIterator[Child]:
    child = Child(folder, before, then, limits)
    async with asyncio.timeout(DEADLINE_S):
        task = asyncio.create_task(child.supervisor.run(), name="supervisor")
        try:
            await child.started(1)
            yield child
        finally:
            task.cancel()
            await asyncio.wait([task])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_process_that_ends_is_started_again(tmp_path: Path) -> None:
    async with running(tmp_path, then="raise SystemExit(3)") as child:
        await child.started(3)
        assert child.losses >= 2
        assert child.supervisor.restarts == child.losses


async def test_a_killed_process_is_started_again(tmp_path: Path) -> None:
    async with running(tmp_path) as child:
        child.beat()
        assert child.ready()
        os.kill(child.pids[0], signal.SIGKILL)
        await child.started(2)
        assert not child.ready()
        assert child.losses == 1


async def test_a_process_that_never_gets_ready_is_killed(tmp_path: Path) -> None:
    limits = Limits(loading_s=0.3, first_backoff_s=0.01)
    async with running(tmp_path, limits=limits) as child:
        child.beat(ready=False)
        await until(lambda: child.losses == 1)
        assert not alive(child.pids[0])


async def test_a_process_that_loads_slowly_is_not_killed_while_it_runs(tmp_path: Path) -> None:
    limits = Limits(loading_s=0.2, loading_running_s=600, look_s=0.8)
    async with running(tmp_path, then="while True: pass", limits=limits) as child:
        await asyncio.sleep(2)
        assert child.losses == 0
        os.kill(child.pids[0], signal.SIGSTOP)
        await until(lambda: child.losses == 1)


async def test_a_process_without_heartbeats_is_killed(tmp_path: Path) -> None:
    async with running(tmp_path, limits=Limits(silence_s=0.2)) as child:
        child.beat()
        await until(lambda: child.losses == 1)
        assert not alive(child.pids[0])


async def test_a_silent_process_that_runs_gets_more_time(tmp_path: Path) -> None:
    """It may lack cores. One that does not even run is stuck."""
    limits = Limits(silence_s=0.2, running_s=600, look_s=0.8)
    async with running(tmp_path, then="while True: pass", limits=limits) as child:
        child.beat()
        await asyncio.sleep(2)
        assert child.losses == 0 and child.ready()
        os.kill(child.pids[0], signal.SIGSTOP)
        await until(lambda: child.losses == 1)


async def test_a_process_that_runs_without_heartbeats_is_killed_in_the_end(tmp_path: Path) -> None:
    limits = Limits(silence_s=0.2, running_s=0.5, look_s=0.8)
    async with running(tmp_path, then="while True: pass", limits=limits) as child:
        child.beat()
        await until(lambda: child.losses == 1)


async def test_a_process_with_heartbeats_is_not_killed(tmp_path: Path) -> None:
    async with running(tmp_path, limits=Limits(silence_s=1, loading_s=1)) as child:
        while child.supervisor.worker_age_s < 2.5:
            child.beat()
            await asyncio.sleep(0.05)
        assert child.losses == 0


async def test_a_process_stuck_in_a_call_is_killed(tmp_path: Path) -> None:
    async with running(tmp_path) as child:
        child.beat(stuck_s=QUICK.stuck_s - 1)
        child.beat(stuck_s=QUICK.stuck_s + 1)
        await until(lambda: child.losses == 1)
        assert not alive(child.pids[0])


async def test_late_heartbeats_of_a_lost_process_are_ignored(tmp_path: Path) -> None:
    async with running(tmp_path) as child:
        child.beat(worker="first")
        os.kill(child.pids[0], signal.SIGKILL)
        await child.started(2)
        child.beat(worker="first")
        assert not child.ready()
        child.beat(worker="second")
        assert child.ready()
        assert child.losses == 1


async def test_an_interrupt_from_the_terminal_does_not_reach_the_process(tmp_path: Path) -> None:
    async with running(tmp_path) as child:
        assert os.getpgid(child.pids[0]) != os.getpgrp()


async def test_cancelling_ends_the_process(tmp_path: Path) -> None:
    async with running(tmp_path) as child:
        child.beat()
    assert not alive(child.pids[0])
    assert child.losses == 0
    assert not child.ready()


async def test_cancelling_ends_even_a_process_that_ignores_sigterm(tmp_path: Path) -> None:
    limits = Limits(grace_s=0.2)
    async with running(tmp_path, before=DEAF, limits=limits) as child:
        pass
    assert not alive(child.pids[0])


async def test_a_command_that_fails_to_start_is_retried() -> None:
    supervisor = Supervisor(["/nonexistent/interpreter"], limits=QUICK)
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        task = group.create_task(supervisor.run(), name="supervisor")
        await until(lambda: supervisor.restarts >= 2)
        task.cancel()
    assert not supervisor.ready


async def test_the_back_off_doubles_up_to_its_maximum() -> None:
    losses: list[float] = []
    loop = asyncio.get_running_loop()
    supervisor = Supervisor(
        ["/nonexistent/interpreter"],
        on_restart=lambda: losses.append(loop.time()),
        limits=Limits(first_backoff_s=0.05, longest_backoff_s=0.1),
    )
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        task = group.create_task(supervisor.run(), name="supervisor")
        await until(lambda: len(losses) >= 8)
        task.cancel()
    waits = [after - before for before, after in pairwise(losses)]
    for wait, least in zip(waits, [0.05] + 6 * [0.1], strict=True):
        assert wait >= least - 0.005
    assert waits[-1] < 0.05 * 2**6  # what it would be without a maximum


async def test_after_a_healthy_time_the_back_off_is_reset(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    limits = Limits(first_backoff_s=0.1, longest_backoff_s=100, healthy_s=0)
    async with running(tmp_path, limits=limits) as child:
        for run in range(4):
            await child.started(run + 1)
            child.beat()
            os.kill(child.pids[-1], signal.SIGKILL)
    waits = [record.message for record in caplog.records if "lost" in record.message]
    assert len(waits) == 3
    assert len(set(waits)) == 1
