"""A spare interpreter takes the place of a lost one: real processes, with stand-ins for engines."""

import asyncio
import os
import signal
from asyncio.subprocess import Process
from pathlib import Path

import pytest

from server.app import Server
from server.bus import spare
from server.bus.spare import STANDBY, Spare
from server.client.participants import Listener, Speaker
from signaling import messages as wire
from tests.helpers.running import STAND_IN, final, tolk, tone
from tests.helpers.waiting import until

LOW, HIGH = tone(300), tone(1000)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spare, "LOOK_S", 0.05)
    monkeypatch.setattr(spare, "AFTER_S", 0.0)


def spare_of(server: Server) -> Spare:
    assert server.supervisor.spare is not None
    return server.supervisor.spare


def standing_by() -> list[int]:
    """The process ids of spare interpreters that this process has started."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [
        int(each)
        for each in children
        if STANDBY.encode() in Path(f"/proc/{each}/cmdline").read_bytes().split(b"\0")
    ]


async def test_a_spare_takes_over_and_another_one_follows(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, STAND_IN, spare="auto") as server,
        Listener(server.url, "hall", "en", captions=["en"]) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        await until(lambda: spare_of(server).ready, 30)
        first, (waiting,) = server.supervisor.pid, standing_by()
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: server.supervisor.restarts == 1 and server.supervisor.ready, 30)
        assert server.supervisor.pid == waiting
        await speaker.play(HIGH)
        await listener.expect(wire.Caption, final("en", "high"))
        await until(lambda: spare_of(server).ready, 30)
        value = server.metrics.registry.get_sample_value("tolk_interpreter_spare")
        assert value == 1
        assert server.supervisor.restarts == 1


async def test_a_spare_that_still_loads_takes_over_when_it_has(tmp_path: Path) -> None:
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        slow = Spare(["sh", "-c", "read line && echo $line >" + str(tmp_path / "said")])
        task = group.create_task(slow.run(lambda: 0, lambda: ()))
        taken: list[Process] = []

        def take() -> bool:
            taken.extend(each for each in [slow.take(())] if each)
            return bool(taken)

        await until(take)
        assert not slow.ready
        await taken[0].wait()
        assert (tmp_path / "said").read_text() == "begin\n"
        task.cancel()


async def test_a_stopped_interpreter_is_replaced(tmp_path: Path) -> None:
    async with (
        tolk(tmp_path, STAND_IN, spare="auto") as server,
        Listener(server.url, "hall", "en", captions=["en"]) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        await until(lambda: spare_of(server).ready, 30)
        stopped = server.supervisor.pid
        assert stopped is not None
        os.kill(stopped, signal.SIGSTOP)
        await speaker.play(HIGH)
        await listener.expect(wire.Caption, final("en", "high"), within_s=30)
        assert server.supervisor.restarts == 1


async def test_a_spare_with_other_models_is_replaced(tmp_path: Path) -> None:
    async with tolk(tmp_path, STAND_IN, spare="auto") as server:
        await until(lambda: spare_of(server).ready, 30)
        spare_of(server).renew()
        assert not spare_of(server).ready
        await until(lambda: spare_of(server).ready, 30)


async def test_without_memory_there_is_no_spare_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    without = Spare(["false"], left=lambda: 700_000_000)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        task = group.create_task(without.run(lambda: 300_000_000, lambda: ()))
        await until(lambda: "no spare interpreter" in caplog.text)
        task.cancel()
    assert "it needs 300 MB of memory besides 512 MB" in caplog.text
    assert not without.ready


async def test_a_spare_ends_when_memory_becomes_short(tmp_path: Path) -> None:
    left = 2_000_000_000
    loaded = ["sh", "-c", "echo ready; read line"]
    short = Spare(loaded, left=lambda: left)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        task = group.create_task(short.run(lambda: 1000, lambda: ()))
        await until(lambda: short.ready)
        left = 100_000_000
        await until(lambda: not short.ready)
        assert short.take(()) is None
        task.cancel()


async def test_a_spare_with_other_options_does_not_take_over(tmp_path: Path) -> None:
    loaded = Spare(["sh", "-c", "echo ready; read line"], left=lambda: 2_000_000_000)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        task = group.create_task(loaded.run(lambda: 1000, lambda: ("--one",)))
        await until(lambda: loaded.ready)
        assert loaded.take(("--other",)) is None
        task.cancel()


async def test_a_spare_whose_server_was_killed_ends_without_a_word(tmp_path: Path) -> None:
    readable, writable = os.pipe()
    os.close(readable)
    process = await asyncio.create_subprocess_exec(
        *STAND_IN,
        *("--socket", str(tmp_path / "bus"), STANDBY),
        stdout=writable,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writable)
    async with asyncio.timeout(30):
        _, said = await process.communicate()
    assert (process.returncode, said.decode()) == (0, "")


async def test_where_nothing_tells_how_much_memory_is_left_a_spare_stays() -> None:
    asked: list[int] = []

    def left() -> int:
        asked.append(1)
        if len(asked) > 1:
            raise OSError("too many open files")
        return 2_000_000_000

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        kept = Spare(["sh", "-c", "echo ready; read line"], left=left)
        task = group.create_task(kept.run(lambda: 0, lambda: ()))
        await until(lambda: kept.ready and len(asked) > 3)
        kept.renew()
        before = len(asked)
        await until(lambda: len(asked) > before)
        assert not kept.ready
        task.cancel()
