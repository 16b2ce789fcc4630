"""``serve --input``: sources beside the server."""

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from server.client.participants import Listener
from server.config import Config, ConfigError
from server.http.access import Access
from server.inputs import beside
from server.inputs.beside import running
from server.inputs.command import OVER
from server.inputs.options import check
from server.settings import add_options, load
from signaling.errors import ProtocolError
from tests.helpers.waiting import until
from tools.senders import Sender, free_port, free_rtp_port, sending, stereo

DEADLINE_S = 60.0


def loaded(*arguments: str, environ: Mapping[str, str] | None = None) -> Config:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return load(parser.parse_args(arguments), environ or {})


def descendants(pid: int) -> Iterator[int]:
    """The processes that a process started, and those that these started."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield int(child)
        yield from descendants(int(child))


def gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


async def test_a_source_is_heard_and_ends_with_the_server_even_if_that_is_killed(
    tmp_path: Path,
) -> None:
    source, port = f"udp://127.0.0.1:{free_rtp_port()}", free_port()
    arguments = ["--port", str(port), "--state", str(tmp_path), "--fetch", "never"]
    arguments += ["--models", "starter", "--input", f"{source} --stream a --from nl"]
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", *arguments), cwd=Path(__file__).parents[3]
    )
    try:
        with sending(Sender(f"{source}?pkt_size=1316", "mpegts", "mp2", stereo(440, 440))):
            await until(lambda: _answers(port), DEADLINE_S)
            listener = Listener(f"http://127.0.0.1:{port}", "a", keep_sound=True)
            async with listener, asyncio.timeout(DEADLINE_S):
                while not _sounds(listener):
                    await asyncio.sleep(0.05)
        started = list(descendants(server.pid))
        os.kill(server.pid, signal.SIGKILL)
        await until(lambda: all(map(gone, started)), DEADLINE_S)
    finally:
        if server.returncode is None:
            server.kill()
        await server.wait()


async def test_a_source_that_cannot_be_started_leaves_the_server_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    config = loaded("--input", "udp://127.0.0.1:9 --stream a --from nl", "--state", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    async with running(config, 9, lambda stream, valid_s: ""):
        await until(lambda: "the input of a: No such file or directory" in caplog.text)
        await until(lambda: "again in" in caplog.text)


async def test_without_a_thread_for_a_source_the_server_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    async def none_left(*arguments: object, **more: object) -> None:
        raise RuntimeError("can't start new thread")

    config = loaded("--input", "udp://127.0.0.1:9 --stream a --from nl", "--state", str(tmp_path))
    monkeypatch.setattr(asyncio, "create_subprocess_exec", none_left)
    async with running(config, 9, lambda stream, valid_s: ""):
        await until(lambda: "the input of a: can't start new thread" in caplog.text)
        await until(lambda: "again in" in caplog.text)


@pytest.mark.parametrize(("status", "runs"), [(1, 3), (OVER, 1)])
async def test_a_source_is_begun_again_unless_it_is_over(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    status: int,
    runs: int,
) -> None:
    command, ran = tmp_path / "command", tmp_path / "ran"
    # Its file of arguments is removed, as systems do with old ones.
    command.write_text(
        f'#!/bin/sh\nfile="${{4#@}}"\ntest -f "$file" && echo >> {ran}\nrm "$file"\nexit {status}\n'
    )
    command.chmod(0o700)
    ran.touch()
    monkeypatch.setattr(sys, "executable", str(command))
    monkeypatch.setattr(beside, "FIRST_PAUSE_S", 0.01)
    config = loaded("--input", "udp://127.0.0.1:9 --stream a --from nl", "--state", str(tmp_path))
    async with running(config, 9, lambda stream, valid_s: ""):
        await until(lambda: len(ran.read_text()) >= runs)
        if status == OVER:
            await until(lambda: "is over" in caplog.text)
            assert len(ran.read_text()) == runs


@pytest.mark.parametrize("way", ["--audio webrtc", "--audio=webrtc"])
async def test_the_way_of_a_source_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str
) -> None:
    command, given = tmp_path / "command", tmp_path / "given"
    command.write_text(f'#!/bin/sh\ncat "${{4#@}}" > {given}.part; mv {given}.part {given}\n')
    command.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(command))
    entry = f"udp://127.0.0.1:9 --stream a --from nl {way}"
    async with running(loaded("--input", entry), 9, lambda stream, valid_s: ""):
        await until(given.exists)
    assert "socket-opus" not in given.read_text()


async def test_after_the_secret_has_changed_a_source_gets_a_token_that_holds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command, shown = tmp_path / "command", tmp_path / "tokens"
    command.write_text(f"#!/bin/sh\necho $TOLK_TOKEN >> {shown}\nexit 1\n")
    command.chmod(0o700)
    shown.touch()
    monkeypatch.setattr(sys, "executable", str(command))
    monkeypatch.setattr(beside, "FIRST_PAUSE_S", 0.01)
    config = loaded("--input", "udp://127.0.0.1:9 --stream a --from nl", "--state", str(tmp_path))
    access = Access(b"o" * 32)

    def token(stream: str, valid_s: float) -> str:
        return access.issue(subject="input", stream=stream, speak=True, valid_s=valid_s)

    def holds() -> bool:
        try:
            return access.grants(shown.read_text().split()[-1], "a").speak
        except (ProtocolError, IndexError):
            return False

    async with running(config, 9, token):
        await until(holds)
        access.renew(b"n" * 32)
        await until(holds)


def _sounds(listener: Listener) -> bool:
    return sum(len(data) > 40 for _, data in listener.arrivals.payloads) > 20


def _answers(port: int) -> bool:

    with socket.socket() as each:
        return each.connect_ex(("127.0.0.1", port)) == 0


def test_each_source_is_an_entry_and_may_contain_commas() -> None:
    entries = ["alsa:hw:1,0 --stream a --from nl", "udp://0.0.0.0:5 --stream b --from en"]
    given = [word for entry in entries for word in ("--input", entry)]
    assert loaded(*given).input == entries
    assert loaded(environ={"TOLK_INPUT": "\n".join(entries)}).input == entries


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("udp://0.0.0.0:5 --from nl", "--stream"),
        ("udp://0.0.0.0:5 --stream a --from nl --loud", "--loud"),
        ("nowhere.wav --stream a --from nl", "no file"),
        ("'udp://0.0.0.0:5 --stream a --from nl", "quotation"),
    ],
    ids=["an option is missing", "an unknown option", "no such file", "a quotation mark"],
)
def test_a_wrong_entry_is_told(entry: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        check(Config(input=[entry]))
