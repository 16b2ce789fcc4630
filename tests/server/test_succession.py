"""A new server process takes the place of one that has listeners."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from server import succession
from server.client.participants import Listener, Speaker
from tests.helpers.programs import free_port
from tests.helpers.running import tone
from tests.helpers.waiting import until
from tools.chaos.people import audience

START_S = 150.0
END_S = 30.0
#: What listeners miss at most; the machine may be busy.
SILENT_S = 2.0
BETWEEN_S = 0.05
#: A server whose successor says that it is ready, and dies. The server waits for a pause of 1.5 s.
OLD_WITH_A_MORTAL_SUCCESSOR = """
import runpy
import sys
from server import succession
from server.client.participants import Listener, Speaker

dies = "import socket, sys; socket.socket(fileno=int(sys.argv[2].split(',')[0])).send(b'r')"
succession.command = lambda: [sys.executable, "-c", dies]
runpy.run_module("server", run_name="__main__")
"""


@dataclass
class Service:
    """A server process that reports to a stand-in of systemd. ``notes``: what it reported."""

    process: asyncio.subprocess.Process
    url: str
    log: Path
    notes: list[str] = field(default_factory=list)

    def main_pid(self) -> int:
        """The process that systemd takes for the main one."""
        told = [int(note.removeprefix("MAINPID=")) for note in self.notes if "MAINPID" in note]
        return told[-1] if told else self.process.pid


@asynccontextmanager
async def service(
    folder: Path, *options: str, program: Sequence[str] = ("-m", "server")
) -> AsyncIterator[Service]:
    """``python -m server`` that is ready, with the settings in ``tolk.toml``, to which its port is
    added. On leaving, whichever process is the main one ends. ``program``: in place of the
    usual one."""
    port, log, settings = free_port(), folder / "log", folder / "tolk.toml"
    settings.write_text(f"port = {port}")
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
        log.open("wb") as out,
    ):
        systemd.bind(f"\0tolk-test-{os.getpid()}-{port}")
        systemd.setblocking(False)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *program, "--config", str(settings), "--state", str(folder)),
            *("--models", "starter", "--fetch", "never", "--spare", "never", *options),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, "NOTIFY_SOCKET": f"@tolk-test-{os.getpid()}-{port}"},
        )
        running = Service(process, f"http://127.0.0.1:{port}", log)
        loop = asyncio.get_running_loop()
        loop.add_reader(systemd, lambda: running.notes.append(systemd.recv(256).decode()))
        try:
            await until(lambda: b"interpreter ready" in log.read_bytes(), START_S)
            yield running
        finally:
            last = running.main_pid()
            os.kill(last, signal.SIGTERM)
            await asyncio.wait_for(process.wait(), END_S)
            await until(lambda: not Path(f"/proc/{last}/cmdline").exists(), END_S)
            loop.remove_reader(systemd)


async def healthy(url: str) -> bool:
    """Whether the server answers."""
    async with aiohttp.ClientSession() as http, http.get(url + "/healthz") as answer:
        return answer.status == 200


async def knocks(url: str, refused: list[BaseException]) -> None:
    """Ask for a page again and again; note every failure."""
    while True:
        async with aiohttp.ClientSession() as http:
            try:
                async with http.get(url + "/healthz") as response:
                    assert response.status == 200
            except (aiohttp.ClientError, AssertionError) as error:
                refused.append(error)
        await asyncio.sleep(BETWEEN_S)


async def test_listeners_hear_the_new_process_within_two_seconds(tmp_path: Path) -> None:
    loop, refused = asyncio.get_running_loop(), list[BaseException]()
    async with service(tmp_path) as running, audience(running.url, 3) as guests:
        async with asyncio.TaskGroup() as group:
            knocking = group.create_task(knocks(running.url, refused))
            at_s = loop.time()
            os.kill(running.process.pid, signal.SIGUSR2)
            await asyncio.wait_for(running.process.wait(), START_S)
            await until(lambda: all(len(guest.stays) > 1 for guest in guests), END_S)
            new = [guest.stays[-1].arrivals for guest in guests]
            await until(lambda: all(len(arrivals) > 20 for arrivals in new), END_S)
            knocking.cancel()
        silent_s = [guest.again_s(at_s) for guest in guests]
        told = [error.code for guest in guests for _, error in guest.told]
    assert running.process.returncode == 0
    assert not refused
    assert running.main_pid() != running.process.pid
    assert set(told) == {"unavailable"}
    assert max(each or START_S for each in silent_s) < SILENT_S, silent_s
    assert b"Traceback" not in running.log.read_bytes()


async def test_a_process_that_cannot_start_changes_nothing(tmp_path: Path) -> None:
    async with service(tmp_path) as running:
        (tmp_path / "tolk.toml").write_text("max_streams = 'many'")
        os.kill(running.process.pid, signal.SIGUSR2)
        await until(lambda: b"does not take over" in running.log.read_bytes(), START_S)
        assert b"max_streams" in running.log.read_bytes()
        assert await healthy(running.url)
        assert running.notes == ["READY=1"]


async def test_a_new_process_may_have_another_address_but_not_one_that_is_in_use(
    tmp_path: Path,
) -> None:
    settings = tmp_path / "tolk.toml"
    async with service(tmp_path) as running:
        port = int(running.url.rpartition(":")[2])
        with socket.create_server(("127.0.0.1", 0)) as busy:
            settings.write_text(f"port = {busy.getsockname()[1]}")
            os.kill(running.process.pid, signal.SIGUSR2)
            await until(lambda: b"does not take over" in running.log.read_bytes(), START_S)
        assert await healthy(running.url)
        assert running.notes == ["READY=1"]
        settings.write_text(f"port = {port}\nhost = '0.0.0.0'")  # the old one's is a part of it
        os.kill(running.process.pid, signal.SIGUSR2)
        assert await asyncio.wait_for(running.process.wait(), START_S) == 0
        assert await healthy(running.url)
        assert running.main_pid() != running.process.pid


async def test_if_the_new_process_ends_before_it_takes_over_the_old_one_goes_on(
    tmp_path: Path,
) -> None:
    async with (
        service(tmp_path, program=["-c", OLD_WITH_A_MORTAL_SUCCESSOR]) as running,
        Listener(running.url, "hall", "en"),
        Speaker(running.url, "hall", "nl") as speaker,
    ):
        await until(lambda: b"interpreter ready" in running.log.read_bytes(), START_S)
        await speaker.play(tone(300))
        os.kill(running.process.pid, signal.SIGUSR2)
        await until(lambda: b"this one goes on" in running.log.read_bytes(), START_S)
        async with Listener(running.url, "hall", "en"):
            assert await healthy(running.url)
        assert running.notes == ["READY=1"]
        assert not speaker.closed


async def test_if_no_successor_can_be_started_nothing_changes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(succession, "command", lambda: ["/nowhere/python"])
    renew, stopped = asyncio.Event(), asyncio.Event()
    renew.set()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(succession.succeeded(renew, stopped, list))
        await until(lambda: "nothing changes" in caplog.text)
        stopped.set()
    assert task.result() is None
