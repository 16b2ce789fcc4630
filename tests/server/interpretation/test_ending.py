"""How an interpreter process ends: each test runs one."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

#: An interpreter that says "ready", and then hangs in a call for an hour if told to.
WORKER = """
import asyncio, sys
from server.interpretation.shared import Limits
from server.interpretation.process import run
from tests.helpers.interpretation import *

async def main():
    ensemble, bus = Ensemble(), MemoryBus()
    async def tell():
        if "hang" in sys.argv:
            ensemble.translator.instead["en"] = Hang(3600)
            speaker = Speaker(bus)
            speaker.demand("en")
            speaker.say("een .")
            await eventually(lambda: any(each.stuck_s > 0.1 for each in bus.of(Heartbeat)))
        await bus.wait_for(Heartbeat, ready=True)
        print("ready", flush=True)
        if "close" in sys.argv:
            bus.close()
    async with asyncio.TaskGroup() as group:
        group.create_task(tell())
        await run(bus, lambda: ensemble.engines, Limits(heartbeat_s=0.05))

from server.bus.messages import Heartbeat
asyncio.run(main())
"""
#: Starts one, and is gone once that is ready.
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE, text=True)
print(child.stdout.readline(), end="", flush=True)
"""

Process = subprocess.Popen[str]


@pytest.fixture
def started(request: pytest.FixtureRequest) -> Iterator[Process]:
    """A process that runs what the test's parameter says, once it has said "ready"."""
    with subprocess.Popen(
        [sys.executable, "-c", *request.param],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def stderr_to_its_end(process: Process) -> str:
    """What it and its children wrote, once all of them have ended."""
    return process.communicate(timeout=10)[1]


@pytest.mark.parametrize("started", [[WORKER]], indirect=True)
def test_sigterm_ends_the_interpreter(started: Process) -> None:
    started.terminate()
    assert (stderr_to_its_end(started), started.returncode) == ("", 0)


@pytest.mark.parametrize("started", [[WORKER, "close"]], indirect=True)
def test_the_interpreter_ends_with_the_bus(started: Process) -> None:
    assert (stderr_to_its_end(started), started.returncode) == ("", 0)


@pytest.mark.parametrize("started", [[WORKER, "close", "hang"]], indirect=True)
def test_a_hanging_call_does_not_prevent_the_end(started: Process) -> None:
    assert "the process ends without waiting" in stderr_to_its_end(started)
    assert started.returncode == 1


@pytest.mark.parametrize("started", [[PARENT, WORKER]], indirect=True)
def test_the_interpreter_ends_with_its_parent(started: Process) -> None:
    assert "parent process is gone" in stderr_to_its_end(started)
