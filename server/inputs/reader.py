"""The reader process: opens one source, and writes its sound to standard output.

FFmpeg's calls can block without end, whatever time limits it is given, and can crash on damaged
input. So they run in a process of their own, which is killed when nothing comes of it. It gets its
Request on standard input, and ends when that is closed: when its parent is gone.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Final

import av
import msgspec
import numpy as np
from av import AudioFrame, AudioResampler
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard, Stream

from server.inputs.address import ANALYSE_US
from server.inputs.pieces import Damage, Ended, Kind, Piece, Request, Sound, packed
from server.media.downmix import Channels, Downmix
from server.media.opus import RATE_HZ, Pcm

#: Seconds. Timestamps that leave out less are rounded, or jitter.
SMALLEST_GAP_S: Final = 0.1
#: Seconds. Timestamps that leave out more, or go back by more than LARGEST_STEP_BACK_S, have leapt.
LARGEST_GAP_S: Final = 30.0
LARGEST_STEP_BACK_S: Final = 0.5
#: Frames are joined until they have so much: 10 ms. Those of AES67 have 1 ms.
PIECE_BYTES: Final = RATE_HZ // 100 * 2
#: Where Debian and others have ALSA's configuration. PyAV's copy of its library has none.
ALSA_CONFIGURATION: Final = "/usr/share/alsa/alsa.conf"


class Clock:
    """Compares a source's timestamps with its samples."""

    def __init__(self) -> None:
        self._expected_s: float | None = None

    def passed(self, at_s: float | None, duration_s: float) -> float | None:
        """Note sound of ``duration_s`` that begins at ``at_s``; None if it has no timestamp.
        Returns how much is missing before it, in seconds, and None if the timestamps leapt."""
        expected_s = self._expected_s
        if at_s is None or expected_s is None:
            self._expected_s = at_s if at_s is None else at_s + duration_s
            return 0.0
        missing_s = at_s - expected_s
        if missing_s < -LARGEST_STEP_BACK_S or missing_s > LARGEST_GAP_S:
            self._expected_s = at_s + duration_s
            return None
        if missing_s < SMALLEST_GAP_S:
            self._expected_s = expected_s + duration_s
            return 0.0
        self._expected_s = at_s + duration_s
        return missing_s


class Converter:
    """Turns a source's frames into Pieces: mono at 48 kHz, whatever comes."""

    def __init__(self, request: Request, tracks: int = 1) -> None:
        self._tracks = tracks
        self._downmix = Downmix(request.channel - 1 if request.channel else None)
        self._gain = np.float32(10 ** (request.gain_db / 20))
        # A sound card's timestamps are our clock, read when the sound was fetched.
        self._timed = request.address.format != "alsa"
        self._clock = Clock()
        self._met: tuple[object, ...] = ()
        self._resampler: AudioResampler | None = None
        self._told: Kind | None = None
        self._waiting = bytearray()
        self._gap = 0

    def pieces(self, frame: AudioFrame, codec: str) -> Iterator[Piece]:
        """The frame's sound, and what has changed with it."""
        met = (frame.format.name, frame.layout.name, frame.sample_rate)
        if met != self._met:
            yield from self.flush()
            self._met = met
            self._resampler = AudioResampler("flt", frame.layout, RATE_HZ)
        at_s = frame.time if self._timed else None
        missing_s = self._clock.passed(at_s, frame.samples / frame.sample_rate)
        if missing_s is None:
            yield Damage(leap=True)
        if missing_s:
            yield from self._all()
            self._gap = round(missing_s * RATE_HZ)
        assert self._resampler is not None
        frame.pts = None  # leaps would confuse the resampler
        for made in self._resampler.resample(frame):
            self._waiting += self._mono(made)
        kind = Kind(
            codec,
            frame.sample_rate,
            frame.layout.nb_channels,
            self._downmix.side or "",
            self._tracks,
        )
        if kind != self._told:
            yield kind
            self._told = kind
        if len(self._waiting) >= PIECE_BYTES:
            yield from self._all()

    def flush(self) -> Iterator[Piece]:
        """What is left. More frames may follow, even of another kind."""
        if self._resampler is not None:
            for made in self._resampler.resample(None):
                self._waiting += self._mono(made)
            self._resampler = None
        yield from self._all()

    def _all(self) -> Iterator[Piece]:
        if self._waiting:
            yield Sound(bytes(self._waiting), self._gap)
            self._waiting.clear()
            self._gap = 0

    def _mono(self, frame: AudioFrame) -> bytes:
        samples = frame.to_ndarray().astype(np.float32, copy=False)
        channels: Channels = samples.reshape(-1, frame.layout.nb_channels).T
        louder = self._downmix.mixed(channels) * self._gain * 32768
        pcm: Pcm = np.clip(np.rint(np.nan_to_num(louder)), -32768, 32767).astype(np.int16)
        return pcm.tobytes()


def read(request: Request, write: Callable[[Piece], None]) -> None:
    """Read the source until it ends. Never raises what FFmpeg raises: that is written."""
    with ExitStack() as stack:
        try:
            container = _opened(request, stack)
            problem = _read(request, container, write)
        except FFmpegError as error:
            problem = error.strerror or type(error).__name__
        except (OSError, ValueError, LookupError) as error:
            problem = str(error)
        write(Ended(problem))


def _opened(request: Request, stack: ExitStack) -> InputContainer:
    address = request.address
    url, options = address.url, address.options
    if address.by_ffmpeg:
        url, options = _through_ffmpeg(url, address.shown, stack), {}
    if address.format == "alsa" and os.path.exists(ALSA_CONFIGURATION):
        os.environ.setdefault("ALSA_CONFIG_PATH", ALSA_CONFIGURATION)
    return stack.enter_context(
        av.open(url, format=address.format, options=options, metadata_errors="replace")
    )


def _through_ffmpeg(url: str, shown: str, stack: ExitStack) -> str:
    """Let an installed ``ffmpeg`` fetch the source's sound. Returns the address of a pipe. What it
    complains about goes to standard error, without the passwords in ``url``."""
    program = shutil.which("ffmpeg")
    if program is None:
        scheme = url.partition(":")[0].upper()
        raise ValueError(f"{scheme} needs the program ffmpeg: install it (apt install ffmpeg)")
    command = [
        program,
        "-nostdin",
        "-loglevel",
        "error",
        "-analyzeduration",
        ANALYSE_US,
        "-i",
        url,
    ]
    command += ["-map", "0:a", "-c", "copy", "-f", "mpegts", "-flush_packets", "1", "pipe:1"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    stack.callback(process.wait)
    stack.callback(process.kill)
    complaints = process.stderr

    def show() -> None:
        for line in complaints:
            sys.stderr.write(line.decode(errors="replace").replace(url, shown))

    threading.Thread(target=show, daemon=True).start()
    return f"pipe:{process.stdout.fileno()}"


def _read(request: Request, container: InputContainer, write: Callable[[Piece], None]) -> str:
    """Write the sound of ``container`` until it ends. Returns what was wrong with it, or ""."""
    tracks = container.streams.audio
    if not tracks:
        others = ", ".join(sorted({each.type for each in container.streams}))
        return f"there is no sound in it, only {others}" if others else "there is no sound in it"
    if request.track > len(tracks):
        return f"there is no audio track {request.track}; it has {len(tracks)}"
    best = container.streams.best("audio") or tracks[0]
    chosen = tracks[request.track - 1] if request.track else best
    for each in container.streams:
        if each is not chosen:
            _ignore(each)
    converter = Converter(request, len(tracks))
    codec = chosen.codec_context.codec.canonical_name
    for packet in container.demux(chosen):
        if not packet.size and packet.dts is not None:
            continue  # FFmpeg would take it as the end
        try:
            frames = packet.decode()
        except FFmpegError:
            write(Damage())
            continue
        for frame in frames:
            if isinstance(frame, AudioFrame) and frame.samples and frame.sample_rate:
                for piece in converter.pieces(frame, codec):
                    write(piece)
    for piece in converter.flush():
        write(piece)
    return ""


def _ignore(stream: Stream) -> None:
    """Let FFmpeg drop what we do not want as early as it can."""
    stream.discard = Discard.all


def _end_with_parent() -> None:
    """Wait until standard input is closed; then end this process and what it started."""
    while os.read(0, 4096):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def main() -> None:
    """Run the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    request = msgspec.json.decode(sys.stdin.buffer.readline(), type=Request)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # nothing that a library prints may get between the pieces

    def write(piece: Piece) -> None:
        data = memoryview(packed(piece))
        while data:
            data = data[out.write(data) :]

    try:
        read(request, write)
    except BrokenPipeError:
        pass


if __name__ == "__main__":
    main()
