"""``tolk input`` as a command, against a running server."""

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from server import app
from server.client import connection
from server.client.conversation import alongside
from server.client.participants import Listener
from server.inputs.command import OVER, Input
from server.inputs.options import add_options, add_server_options, request
from tests.helpers.running import STAND_IN, tolk
from tests.helpers.starter import demo_clip, error_rate
from tests.helpers.waiting import until
from tools.senders import Sender, free_port, free_rtp_port, sending, stereo

DEADLINE_S = 90.0
#: The first two phrases of the Dutch clip, and where they end.
PHRASES, END_S = 2, 5.9


@asynccontextmanager
async def command(*arguments: str, token: str = "") -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "input", *arguments),
        stdout=PIPE,
        stderr=PIPE,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "PYTHONWARNINGS": "error", "TOLK_TOKEN": token},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def run(*arguments: str) -> tuple[int | None, str]:
    """The command's exit status, and what it wrote."""
    async with command(*arguments) as process, asyncio.timeout(DEADLINE_S):
        out, err = await process.communicate()
    return process.returncode, (out + err).decode()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[app.Server]:
    async with tolk(tmp_path, STAND_IN) as running:
        yield running


@pytest.mark.slow
async def test_a_stream_is_captioned_as_the_file_that_it_is_made_of(tmp_path: Path) -> None:
    """With the shipped models; the sound comes as MPEG-TS over UDP."""
    clip = demo_clip("nl")
    spoken = clip.pcm[: round(END_S * 16_000)].astype(np.float32) / 32768
    sides = np.stack([spoken, spoken]).astype(np.float32)
    source = f"udp://127.0.0.1:{free_rtp_port()}"
    begin = threading.Event()
    sender = Sender(
        f"{source}?pkt_size=1316",
        "mpegts",
        "aac",
        sides,
        rate_hz=16_000,
        repeat=False,
        begin=begin,
    )
    text = " ".join(phrase.text for phrase in clip.phrases[:PHRASES])
    async with tolk(tmp_path) as server:
        at = ("--stream", "main", "--from", "nl", "--url", server.url)
        listener = Listener(server.url, "main", "en", captions=["nl"], audio="none")
        async with command(source, *at) as process, listener:
            with sending(sender):
                await told(process, "speaking nl in main", "receiving aac 16000 Hz, 2 channels")
                begin.set()
                await until(lambda: len(finals(listener)) >= PHRASES, DEADLINE_S)
        assert error_rate(text, " ".join(finals(listener))) <= 0.1


async def told(process: Process, *texts: str) -> None:
    """Wait until the command has said all these texts."""
    assert process.stderr is not None
    said = ""
    async with asyncio.timeout(DEADLINE_S):
        while not all(text in said for text in texts):
            line = (await process.stderr.readline()).decode()
            assert line, f"it ended, and said only: {said}"
            said += line


def finals(listener: Listener) -> list[str]:
    return [each.text for _, each in listener.captions if each.status == "final"]


async def test_a_source_is_spoken_again_after_the_server_was_away(tmp_path: Path) -> None:
    source = f"udp://127.0.0.1:{free_rtp_port()}"
    port = free_port()
    at = ("--stream", "a", "--from", "nl", "--url", f"http://127.0.0.1:{port}")
    tone = stereo(350, 350, 0.6)
    word = np.concatenate([tone, 0 * tone], axis=1)
    with sending(Sender(f"{source}?pkt_size=1316", "mpegts", "mp2", word)):
        async with command(source, *at, "--audio", "socket-opus"):
            for time in ("first", "second"):
                async with tolk(tmp_path / time, STAND_IN, port=port) as server:
                    listener = Listener(server.url, "a", "en", captions=["nl"], audio="none")
                    async with listener:
                        await until(lambda: bool(finals(listener)), DEADLINE_S)  # noqa: B023
                        assert finals(listener)[0] == "laag"


async def test_where_udp_does_not_get_through_tcp_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connection, "CONNECT_S", 1.0)
    caplog.set_level(logging.INFO)
    async with tolk(tmp_path, STAND_IN, ice_addresses=["192.0.2.1"]) as server:
        parser = argparse.ArgumentParser()
        add_options(parser)
        add_server_options(parser)
        arguments = ["udp://127.0.0.1:9", "--stream", "a", "--from", "nl", "--url", server.url]
        options = parser.parse_args(arguments)
        async with alongside(_ended(Input(request(options), options, None)), "input"):
            await until(lambda: "speaking nl in a" in caplog.text, DEADLINE_S)
    assert "sending over TCP from now on" in caplog.text


async def _ended(given: Input) -> None:
    await given.run()


async def test_a_file_is_spoken_once(server: app.Server, tmp_path: Path) -> None:
    from tests.server.inputs.test_trouble import recording

    path = recording(tmp_path / "talk.wav", stereo(440, 440, 0.5), "pcm_s16le")
    at = ("--stream", "a", "--from", "nl", "--url", server.url)
    assert (await run(str(path), *at))[0] == 0
    assert "a" in server.manager.streams


async def test_a_refusal_for_good_ends_the_command(server: app.Server) -> None:
    at = ("--stream", "a", "--from", "xx", "--url", server.url)
    status, said = await run("udp://127.0.0.1:9", *at)
    assert status == 1
    assert "unknown_language" in said and "Traceback" not in said


async def test_an_operator_s_end_is_not_undone(server: app.Server) -> None:
    source = f"udp://127.0.0.1:{free_rtp_port()}"
    token = server.access.issue(operate=True, valid_s=60)
    end = f"{server.url}/api/operate/streams/closed/end"
    with sending(Sender(f"{source}?pkt_size=1316", "mpegts", "mp2", stereo(440, 440))):
        at = ("--stream", "closed", "--from", "nl", "--url", server.url, "--audio", "socket-opus")
        async with command(source, *at) as process, asyncio.timeout(DEADLINE_S):
            await until(lambda: "closed" in server.manager.streams, DEADLINE_S)
            headers = {"Authorization": f"Bearer {token}"}
            async with aiohttp.ClientSession() as http, http.post(end, headers=headers) as answer:
                assert answer.status == 200
            assert await process.wait() == OVER
    assert server.manager.streams["closed"].state == "ended"


async def test_a_file_whose_reader_dies_is_not_spoken_again(
    server: app.Server, tmp_path: Path
) -> None:
    from tests.server.inputs.test_trouble import recording

    path = recording(tmp_path / "talk.wav", stereo(440, 440, 60.0), "pcm_s16le")
    at = ("--stream", "cut", "--from", "nl", "--url", server.url, "--audio", "socket-opus")
    async with command(str(path), *at) as process, asyncio.timeout(DEADLINE_S):
        assert process.stderr is not None
        await until(lambda: "cut" in server.manager.streams, DEADLINE_S)
        while b"receiving" not in await process.stderr.readline():
            pass
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        os.kill(int(children.read_text()), signal.SIGKILL)
        assert await process.wait() == OVER


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["nowhere.wav"], "there is no file 'nowhere.wav'"),
        (["udp://127.0.0.1:9", "--listen"], "udp:// needs no --listen"),
        (["udp://127.0.0.1:9", "--channels", "middle"], "--channels"),
        (["udp://127.0.0.1:9", "--track", "-1"], "--track"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_a_wrong_option_is_told(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from server.cli import main

    assert main(["input", *arguments, "--stream", "a", "--from", "nl"]) == 2
    assert problem in capsys.readouterr().err
