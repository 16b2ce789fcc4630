"""Nine kinds of live sources that send speech, can be cut off, and come back where they were."""

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.media.opus import RATE_HZ, Pcm
from tools.rtsp import camera
from tools.senders import (
    Sender,
    folder,
    free_port,
    free_rtp_port,
    sdp,
    sending,
    serving_tcp,
    streaming,
)

TS_PACKETS = "pkt_size=1316"
#: No source is needed for so long after what it says.
AFTER_S = 60
#: What is written is sent at once, otherwise some seconds of silence would wait for the rest of a
#: block; so they would for the rest of a packet of MPEG-TS.
AT_ONCE = {"flush_packets": "1"}
TS_AT_ONCE = {**AT_ONCE, "pes_payload_size": "0"}
HLS_OPTIONS = {"hls_time": "1", "hls_flags": "delete_segments", "hls_list_size": "4"}


@dataclass(frozen=True)
class Show:
    """What a source sends, once. ``pcm``: int16 mono at 48 kHz. ``begin``: until it is set,
    silence; and silence after it."""

    pcm: Pcm
    begin: threading.Event

    @property
    def stereo(self) -> NDArray[np.float32]:
        return np.stack([self.pcm, self.pcm]).astype(np.float32) / np.float32(32768)

    def sender(self, to: Any, container: str, codec: str, **more: Any) -> Sender:
        return Sender(to, container, codec, self.stereo, begin=self.begin, then_silent=True, **more)


@dataclass(frozen=True)
class Source:
    """``arguments``: what the user gives to ``input``. ``on``: the source sends while it is
    entered; when it is left, nobody is at its address any more."""

    name: str
    arguments: list[str]
    on: Callable[[Show], AbstractContextManager[object]]


def sources(files: Path) -> list[Source]:
    """All of them. ``files``: a folder for their files. Raises FileNotFoundError if the program
    ffmpeg is missing."""
    return [
        _ts_udp(),
        _ts_tcp(),
        _rtp(files, "rtp_opus", "libopus", "opus/48000/2", 1200),
        _rtp(files, "aes67", "pcm_s24be", "L24/48000/2", 300),  # packets of 1 ms
        _rtmp(),
        _http(),
        _hls(files / "hls"),
        _rtsp(),
        _srt(),
    ]


def _ts_udp() -> Source:
    url = f"udp://127.0.0.1:{free_rtp_port()}"
    return Source(
        "ts_udp",
        [url],
        lambda show: sending(
            show.sender(f"{url}?{TS_PACKETS}", "mpegts", "aac", options=TS_AT_ONCE)
        ),
    )


def _ts_tcp() -> Source:
    port = free_port()
    return Source(
        "ts_tcp",
        [f"tcp://127.0.0.1:{port}"],
        lambda show: _served(
            lambda sender: serving_tcp(sender, port),
            lambda out: show.sender(out, "mpegts", "aac", options=TS_AT_ONCE),
        ),
    )


def _rtp(files: Path, name: str, codec: str, encoding: str, packet_bytes: int) -> Source:
    port = free_rtp_port()
    url, options = f"rtp://127.0.0.1:{port}?pkt_size={packet_bytes}", {"payload_type": "97"}
    return Source(
        name,
        [sdp(files, port, encoding)],
        lambda show: sending(show.sender(url, "rtp", codec, options=options)),
    )


def _rtmp() -> Source:
    url = f"rtmp://127.0.0.1:{free_port()}/live/key"
    return Source(
        "rtmp",
        [url, "--listen"],
        lambda show: sending(show.sender(url, "flv", "aac", persistent=True)),
    )


def _http() -> Source:
    port = free_port()
    return Source(
        "http",
        [f"http://127.0.0.1:{port}/live.mp3"],
        lambda show: _served(
            lambda sender: streaming("audio/mpeg", sender, port),
            lambda out: show.sender(out, "mp3", "libmp3lame", options=AT_ONCE),
        ),
    )


def _hls(files: Path) -> Source:
    port = free_port()

    @contextmanager
    def on(show: Show) -> Iterator[None]:
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir()
        playlist = str(files / "live.m3u8")
        sender = show.sender(playlist, "hls", "aac", options=HLS_OPTIONS)
        with folder(files, port), sending(sender):
            yield
        sender.join()

    return Source("hls", [f"http://127.0.0.1:{port}/live.m3u8"], on)


def _rtsp() -> Source:
    port = free_port()
    silence = np.zeros(round(AFTER_S * RATE_HZ), np.int16)  # the camera repeats what it sends
    return Source(
        "rtsp",
        [f"rtsp://127.0.0.1:{port}/stream1"],
        lambda show: camera(np.concatenate((show.pcm, silence)), show.begin, port),
    )


def _srt() -> Source:
    """Sent by the program ffmpeg: PyAV has no SRT."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise FileNotFoundError("SRT needs the program ffmpeg: install it (apt install ffmpeg)")
    url = f"srt://127.0.0.1:{free_rtp_port()}"
    command = [program, "-v", "error", "-nostdin"]
    # By default it looks at five seconds of what it is given before anybody can connect to it.
    command += ["-f", "mpegts", "-analyzeduration", "100000", "-i", "pipe:0", "-c", "copy"]
    command += ["-f", "mpegts", f"{url}?mode=listener"]

    @contextmanager
    def on(show: Show) -> Iterator[None]:
        process = subprocess.Popen(command, stdin=subprocess.PIPE)
        sender = show.sender(process.stdin, "mpegts", "aac", options=TS_AT_ONCE)
        try:
            with sending(sender):
                yield
        finally:
            process.kill()
            sender.join()
            with suppress(BrokenPipeError):
                process.communicate()

    return Source("srt", [url], on)


@contextmanager
def _served(
    serve: Callable[[Callable[[Any], Sender]], AbstractContextManager[object]],
    make: Callable[[Any], Sender],
) -> Iterator[None]:
    """Serve what ``make`` makes for each client; at the end cut off all clients."""
    made: list[Sender] = []

    def sender(out: Any) -> Sender:
        made.append(make(out))
        return made[-1]

    with serve(sender):
        yield
    for each in made:
        each.stop()
