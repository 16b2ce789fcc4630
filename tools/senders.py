"""Senders of live sound, to test and measure inputs with: PyAV's muxers, in real time, in a
thread."""

import os
import random
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np
from av import AudioFrame
from av.audio.stream import AudioStream
from av.error import FFmpegError
from numpy.typing import NDArray

RATE_HZ = 48_000
#: Below the ports that the system gives away. Processes begin at different ones, far apart.
_rtp_ports = iter(range(random.Random(os.getpid()).randrange(20_000, 31_000, 2), 32_000, 2))
S = TypeVar("S", bound=socketserver.TCPServer)
STEP = 960


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port that nobody uses now."""
    with socket.socket(type=kind) as each:
        each.bind(("127.0.0.1", 0))
        return int(each.getsockname()[1])


def free_rtp_port() -> int:
    """An even UDP port, used by nobody and given only once; the next one is RTCP's."""
    for port in _rtp_ports:
        with ExitStack() as stack:
            try:
                for each in (port, port + 1):
                    made = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
                    made.bind(("127.0.0.1", each))
            except OSError:
                continue
            return port
    raise OSError("all ports are in use")


def sdp(files: Path, port: int, encoding: str) -> str:
    """An SDP file for RTP to ``port`` of this machine, such as AES67 devices write."""
    path = files / f"{port}.sdp"
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=desk", "c=IN IP4 127.0.0.1", "t=0 0"]
    lines += [f"m=audio {port} RTP/AVP 97", f"a=rtpmap:97 {encoding}", "a=ptime:1"]
    path.write_text("\r\n".join(lines) + "\r\n")
    return str(path)


def stereo(
    left_hz: float, right_hz: float = 0.0, seconds: float = 3.0, rate_hz: int = RATE_HZ
) -> NDArray[np.float32]:
    """Tones of -10 dBFS, one on each side: float32 of shape (2, samples). 0 Hz is silence, and a
    negative frequency is the inverse of a positive one."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    sides = [0.316 * np.sin(2 * np.pi * hz * time_s) for hz in (left_hz, right_hz)]
    return np.array(sides, np.float32)


class Sender:
    """Sends ``sound`` to ``url`` in real time, until it is stopped.

    ``repeat``: again and again. ``then_silent``: once, and then silence. ``begin``: until it is
    set, silence is sent. ``persistent``: if nobody takes it, try again.
    """

    def __init__(
        self,
        url: Any,
        container: str,
        codec: str,
        sound: NDArray[np.float32],
        *,
        rate_hz: int = RATE_HZ,
        options: Mapping[str, str] | None = None,
        repeat: bool = True,
        then_silent: bool = False,
        persistent: bool = False,
        begin: threading.Event | None = None,
    ) -> None:
        self._open: Any = dict(file=url, mode="w", format=container, options=dict(options or {}))
        self._codec = codec
        self._sound = sound
        self._rate_hz = rate_hz
        self._repeat = repeat
        self._then_silent = then_silent
        self._persistent = persistent
        self._begin = begin
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def join(self) -> None:
        """Wait a while for the end, after ``stop``."""
        self._thread.join(10)

    def finish(self) -> None:
        """Send until the other end goes, or ``stop`` is called."""
        self._thread.start()
        self._thread.join()

    def _run(self) -> None:
        self._once()
        while self._persistent and not self._stop.wait(0.1):
            self._once()

    def _once(self) -> None:
        try:
            with av.open(**self._open) as container:
                layout = {1: "mono", 2: "stereo", 8: "7.1"}[len(self._sound)]
                stream = container.add_stream(self._codec, rate=self._rate_hz, layout=layout)
                assert isinstance(stream, AudioStream)
                self._send(container, stream)
        except (FFmpegError, OSError):
            pass  # the other end has gone

    def _send(self, container: Any, stream: AudioStream) -> None:
        resampler = av.AudioResampler(stream.format, stream.layout, self._rate_hz)
        step = self._rate_hz * STEP // RATE_HZ
        steps = self._sound.shape[1] // step
        began_s = time.monotonic()
        sent = played = 0
        while not self._stop.is_set() and (self._repeat or played < steps):
            silent = self._begin is not None and not self._begin.is_set()
            silent = silent or (self._then_silent and played >= steps)
            at = played % steps * step
            part = self._sound[:, at : at + step].T.reshape(1, -1)
            frame = AudioFrame.from_ndarray(0 * part if silent else part, "flt", stream.layout.name)
            frame.sample_rate, frame.pts = self._rate_hz, sent * step
            for made in resampler.resample(frame):
                for packet in stream.encode(made):
                    container.mux(packet)
            sent += 1
            played += not silent
            time.sleep(max(0.0, began_s + sent * 0.02 - time.monotonic()))


@contextmanager
def sending(sender: Sender) -> Iterator[Sender]:
    """Send while the body runs."""
    sender.start()
    try:
        yield sender
    finally:
        sender.stop()


class _Streaming(BaseHTTPRequestHandler):
    """Answers like Icecast: without a length, for as long as the client stays."""

    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        self.send_response(200)
        self.send_header("Content-Type", server.content_type)
        self.send_header("icy-name", "test")
        self.end_headers()
        server.sender(self.wfile).finish()

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    content_type: str
    sender: Callable[[Any], Sender]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The client has gone."""


@contextmanager
def streaming(content_type: str, sender: Callable[[Any], Sender], port: int = 0) -> Iterator[str]:
    """An HTTP server that sends what ``sender`` makes for a client. Yields its URL. ``port``: 0
    for any."""
    with _serving(_Server(("127.0.0.1", port), _Streaming)) as (server, url):
        server.content_type, server.sender = content_type, sender
        yield url


@contextmanager
def folder(path: Path, port: int = 0) -> Iterator[str]:
    """An HTTP server of a folder's files."""
    server = _Server(("127.0.0.1", port), partial(_Quiet, directory=str(path)))
    with _serving(server) as (_, url):
        yield url


@contextmanager
def _serving(server: S) -> Iterator[tuple[S, str]]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def serving_tcp(sender: Callable[[Any], Sender], port: int = 0) -> Iterator[str]:
    """A TCP server that sends what ``sender`` makes for a client. Yields its URL. (PyAV holds
    Python's lock while its own server waits.)"""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            sender(self.wfile).finish()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        allow_reuse_address = True

    with _serving(Server(("127.0.0.1", port), Handler)) as (_, url):
        yield url.replace("http:", "tcp:")
