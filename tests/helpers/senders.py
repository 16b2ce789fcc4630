"""Senders of live sound for the tests of inputs: PyAV's muxers, in real time, in a thread."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import av
import numpy as np
from av import AudioFrame
from av.audio.stream import AudioStream
from av.error import FFmpegError
from numpy.typing import NDArray

RATE_HZ = 48_000
STEP = 960


def free_port(kind: int = socket.SOCK_DGRAM) -> int:
    """A port that nobody uses now; even, as RTP's are."""
    while True:
        with socket.socket(type=kind) as each:
            each.bind(("127.0.0.1", 0))
            port = int(each.getsockname()[1])
        if port % 2 == 0:
            return port


def stereo(
    left_hz: float, right_hz: float = 0.0, seconds: float = 3.0, rate_hz: int = RATE_HZ
) -> NDArray[np.float32]:
    """Tones of -10 dBFS, one on each side: float32 of shape (2, samples). 0 Hz is silence, and a
    negative frequency is the inverse of a positive one."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    sides = [0.316 * np.sin(2 * np.pi * hz * time_s) for hz in (left_hz, right_hz)]
    return np.array(sides, np.float32)


class Sender:
    """Sends ``sound`` to ``url`` again and again, as a live source does, until it is stopped."""

    def __init__(
        self,
        url: str,
        container: str,
        codec: str,
        sound: NDArray[np.float32],
        *,
        rate_hz: int = RATE_HZ,
        options: Mapping[str, str] | None = None,
        repeat: bool = True,
        speed: float = 1.0,
    ) -> None:
        self._open: Any = dict(file=url, mode="w", format=container, options=dict(options or {}))
        self._codec = codec
        self._sound = sound
        self._rate_hz = rate_hz
        self._repeat = repeat
        self._speed = speed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def join(self) -> None:
        self._thread.join(10)

    def _run(self) -> None:
        try:
            with av.open(**self._open) as container:
                layout = "stereo" if len(self._sound) == 2 else "mono"
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
        number = 0
        while not self._stop.is_set() and (self._repeat or number < steps):
            at = number % steps * step
            part = np.ascontiguousarray(self._sound[:, at : at + step])
            frame = AudioFrame.from_ndarray(part, "fltp", stream.layout.name)
            frame.sample_rate, frame.pts = self._rate_hz, number * step
            for made in resampler.resample(frame):
                for packet in stream.encode(made):
                    container.mux(packet)
            number += 1
            ahead_s = began_s + number * 0.02 / self._speed - time.monotonic()
            time.sleep(max(0.0, ahead_s))


@asynccontextmanager
async def sending(sender: Sender) -> AsyncIterator[Sender]:
    """Send while the body runs."""
    sender.start()
    try:
        yield sender
    finally:
        sender.stop()
        await asyncio.get_running_loop().run_in_executor(_joiners(), sender.join)


def _joiners() -> Any:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(1)
