"""``tolk output``, from a real server to real receivers."""

import asyncio
import contextlib
import io
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest

from server.app import Server
from server.client.participants import Speaker
from server.media.opus import RATE_HZ, Pcm, mono
from server.outputs import writing
from server.outputs.command import FIRST_PAUSE_S, LONGEST_PAUSE_S, Output, Pause
from server.outputs.source import Channel
from server.outputs.target import Target, TargetError, Wanted
from server.outputs.writing import Writing
from tests.helpers.running import STAND_IN, power, tolk, tone
from tests.helpers.waiting import until

PATIENCE_S = 60.0
HEARD_S = 0.5
#: The share of the tone in what is heard. Where the machine is slow, there are gaps in it.
TONE = 0.3


def sound(source: str | io.BytesIO, seconds: float = 0.0, **options: str) -> Pcm:
    """What FFmpeg reads of ``source``: all, or until so much was loud."""
    kept: list[Pcm] = []
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    with av.open(source, "r", options=options, timeout=PATIENCE_S) as container:
        for frame in container.decode(audio=0):
            for part in resampler.resample(frame):
                pcm = mono(part)
                if not seconds or np.abs(pcm).max() > 1000:
                    kept.append(pcm)
            if seconds and sum(map(len, kept)) > seconds * RATE_HZ:
                break
    return np.concatenate(kept)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def command(
    server: Server, channel: str, target: Path, *wrapper: str
) -> asyncio.subprocess.Process:
    """The command as a process. ``wrapper``: a program that runs it, with its arguments."""
    return await asyncio.create_subprocess_exec(
        *(*wrapper, sys.executable, "-m", "server", "output", "--url", server.url),
        *("--stream", "hall", "--channel", channel, str(target)),
        stderr=asyncio.subprocess.PIPE,
    )


class Icecast:
    """Takes what a source client sends, as Icecast does: a PUT whose body has no length. The first
    attempt is refused."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.requests: list[bytes] = []
        self.port = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            if len(self.requests) == 1:
                writer.write(b"HTTP/1.1 503 Full\r\n\r\n")
                return
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            while piece := await reader.read(4096):
                self.received += piece


@pytest.fixture
async def icecast() -> AsyncIterator[Icecast]:
    station = Icecast()
    async with await asyncio.start_server(station.take, "127.0.0.1", 0) as listening:
        station.port = listening.sockets[0].getsockname()[1]
        yield station


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


async def test_a_channel_goes_to_a_file_to_icecast_and_by_rtmp(
    tmp_path: Path, icecast: Icecast, thread: ThreadPoolExecutor
) -> None:
    file, rtmp = tmp_path / "hall.m4a", f"rtmp://127.0.0.1:{free_port()}/live/hall"
    loop = asyncio.get_running_loop()
    async with (
        tolk(tmp_path, STAND_IN, ready=False) as server,
        Speaker(server.url, "hall", "nl", audio="socket") as speaker,
    ):
        watching = loop.run_in_executor(thread, lambda: sound(rtmp, HEARD_S, listen="1"))
        floor = Channel(server.url, "hall", "floor")
        targets = (str(file), f"icecast://source:secret@127.0.0.1:{icecast.port}/tolk.mp3", rtmp)
        outputs = [Output(floor, Wanted(target)) for target in targets]
        running = [loop.run_in_executor(thread, each.run) for each in outputs]
        async with asyncio.timeout(PATIENCE_S):
            while not watching.done() or len(icecast.received) < 8000:
                await speaker.play(tone(440, 1.0, 0.0))
            for each in outputs:
                each.stop()
            await asyncio.gather(*running, return_exceptions=True)
    assert len(icecast.requests) == 2
    assert b"Content-Type: audio/mpeg\r\n" in icecast.requests[1]
    for heard in (watching.result(), sound(io.BytesIO(bytes(icecast.received))), sound(str(file))):
        assert power(heard, 440) > TONE


async def test_with_nohup_an_output_outlasts_the_terminal(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "hall.mp3"
    async with (
        Speaker(server.url, "hall", "nl", audio="socket") as speaker,
        asyncio.timeout(PATIENCE_S),
    ):
        process = await command(server, "floor", file, "sh", "-c", 'trap "" HUP; exec "$@"', "-")
        sizes: list[int] = []
        while len(sizes) < 2:
            await speaker.play(tone(440, 0.5, 0.0))
            if file.exists() and (size := file.stat().st_size) > sum(sizes):
                sizes.append(size)
                process.send_signal(signal.SIGHUP)
        assert process.returncode is None
        process.terminate()
        await process.communicate()
    assert process.returncode == 0


async def test_a_refusal_for_good_ends_the_command(server: Server, tmp_path: Path) -> None:
    process = await command(server, "xx", tmp_path / "hall.mp3")
    async with asyncio.timeout(PATIENCE_S):
        _, said = await process.communicate()
    assert process.returncode == 1
    assert b"Nothing is interpreted into 'xx' here" in said


async def test_the_command_leaves_a_whole_file(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "hall.m4a"  # without its end it cannot be read
    process = await command(server, "floor", file)
    await until(lambda: file.exists() and file.stat().st_size > 0, PATIENCE_S)
    process.terminate()
    async with asyncio.timeout(PATIENCE_S):
        await process.communicate()
    assert process.returncode == 0
    assert sound(str(file)).size


async def test_a_file_that_cannot_be_written_ends_it(
    server: Server, thread: ThreadPoolExecutor
) -> None:
    output = Output(Channel(server.url, "hall", "floor"), Wanted("/nowhere/hall.mp3"))
    with pytest.raises(TargetError, match=r"/nowhere/hall\.mp3 cannot be written: No such file"):
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.get_running_loop().run_in_executor(thread, output.run)


def test_a_format_that_would_be_announced_wrongly_is_refused() -> None:
    wanted = Wanted("icecast://source:secret@radio.example:8000/live", format="ogg")
    with pytest.raises(TargetError, match="gets MP3 only: leave --format out") as refused:
        Target(wanted)
    assert "secret" not in str(refused.value)


def test_a_process_that_takes_nothing_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = Writing(Wanted(str(tmp_path / "hall.wav")))
    os.kill(target.pid, signal.SIGSTOP)
    monkeypatch.setattr(writing, "PATIENCE_S", 0.2)
    with pytest.raises(TargetError, match="takes nothing"):
        for _ in range(100):
            target.write(tone(440))
    with pytest.raises(ProcessLookupError):
        os.kill(target.pid, 0)


def test_the_pause_grows_until_an_attempt_works() -> None:
    now = 0.0
    pause = Pause(lambda: now)
    pauses = [pause.failed() for _ in range(10)]
    assert pauses[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-1] == pause.left_s == LONGEST_PAUSE_S
    pause.worked()
    assert pause.failed() == FIRST_PAUSE_S


@pytest.mark.parametrize(
    ("address", "container", "shown"),
    [
        (
            "icecast://source:secret@radio.example:8000/a.mp3",
            "mp3",
            "icecast://radio.example:8000/a.mp3",
        ),
        ("rtmp://live.example/app/streamkey?auth=x", "flv", "rtmp://live.example"),
        ("rtp://[::1]:5004", "rtp", "rtp://[::1]:5004"),
        ("sunday.mp3", "", "sunday.mp3"),
        ("file:///home/a/sunday.mp3", "", "file:///home/a/sunday.mp3"),
    ],
)
def test_an_address_tells_the_format_and_is_shown_without_secrets(
    address: str, container: str, shown: str
) -> None:
    wanted = Wanted(address)
    assert (wanted.container, wanted.shown) == (container, shown)


async def test_rtp_is_received_with_its_sdp(
    server: Server, tmp_path: Path, thread: ThreadPoolExecutor
) -> None:
    loop, wanted = asyncio.get_running_loop(), Wanted(f"rtp://127.0.0.1:{free_port()}")
    sdp = tmp_path / "hall.sdp"
    sdp.write_text(wanted.sdp)
    output = Output(Channel(server.url, "hall", "floor"), wanted)
    async with Speaker(server.url, "hall", "nl", audio="socket") as speaker:
        running = loop.run_in_executor(thread, output.run)
        receiving = loop.run_in_executor(
            thread, lambda: sound(str(sdp), HEARD_S, protocol_whitelist="file,rtp,udp")
        )
        async with asyncio.timeout(PATIENCE_S):
            while not receiving.done():
                await speaker.play(tone(440, 1.0, 0.0))
            output.stop()
            await running
    assert power(receiving.result(), 440) > TONE


@pytest.mark.parametrize("address", ["sunday.mp3", "file:///home/a/sunday.mp3"])
def test_a_file_is_not_opened_again_as_a_network_target_is(address: str) -> None:
    assert not Wanted(address).scheme


def test_a_process_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(TargetError, match="no process can be started to write it: No such file"):
        Writing(Wanted("sunday.mp3"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_to_the_whole_group_leaves_a_file_that_can_be_read(
    number: signal.Signals, tmp_path: Path
) -> None:
    file = str(tmp_path / "out.m4a")
    with Writing(Wanted(file)) as writing_:
        writing_.write(np.tile(tone(300), 5))
        os.kill(writing_.pid, number)
        writing_.write(tone(300))
    assert power(sound(file), 300) > TONE
