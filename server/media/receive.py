"""A speaker's audio from a WebSocket, made steady: as many seconds leave as pass on the clock.

- Time that the sender's timestamps leave out (loss, silence that is not sent) is filled with
  silence, as far as the clock has advanced. After a jump of timestamps by more than 2 s, or back,
  they are followed from there; this is counted.
- After 200 ms without audio silence is inserted. Audio that arrives later is still played, so the
  output may be ahead of the clock; this is reduced by leaving out quiet pieces. More than 2 s
  ahead, audio is dropped and counted.
- Every sample leaves once, at 48 kHz for the floor and at 16 kHz for the recogniser.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from av import FFmpegError

from server.media import rtp
from server.media.counts import SocketCounts
from server.media.floor import is_quiet
from server.media.opus import RATE_HZ, OpusDecoder, Pcm, Resampler

SPEECH_RATE_HZ = 16_000
#: After so long without audio silence is inserted.
IDLE_S = 0.2
MAX_GAP_S = 2.0
#: This far ahead of the clock quiet pieces are left out; from MAX_AHEAD_S on all are.
SKIP_QUIET_S = 0.1
MAX_AHEAD_S = 2.0
#: A message has at most 1 s of audio, and at most so many messages wait.
MAX_CHUNK_BYTES = 2 * SPEECH_RATE_HZ
MAX_CHUNKS = 50

_NOTHING: Pcm = np.zeros(0, np.int16)


@dataclass(frozen=True, slots=True)
class Sound:
    """The same audio twice: int16 mono at 48 kHz and at 16 kHz.

    The resampler holds back up to a millisecond, so the lengths differ a little. ``packet``: the
    Opus packet that the audio was decoded from, if it is exactly that.
    """

    pcm48: Pcm
    pcm16: Pcm
    packet: bytes | None = None


@dataclass(slots=True)
class Timeline:
    """Keeps audio in step with the clock; sans-I/O. ``now`` is in seconds."""

    rate_hz: int
    counts: SocketCounts = field(default_factory=SocketCounts)
    _started_at: float | None = None
    _produced: int = 0
    _next_timestamp: int | None = None

    def place(self, timestamp: int, pcm: Pcm, now: float) -> Pcm:
        """What leaves now that ``pcm`` arrived, which begins at ``timestamp`` (in samples)."""
        if self._started_at is None:
            self._started_at = now
        gap = 0 if self._next_timestamp is None else timestamp - self._next_timestamp
        self._next_timestamp = timestamp + pcm.size
        if not 0 <= gap <= MAX_GAP_S * self.rate_hz:
            self.counts.restarts += 1
            gap = 0
        ahead = self._ahead(now)
        if ahead > MAX_AHEAD_S * self.rate_hz or (
            ahead > SKIP_QUIET_S * self.rate_hz and is_quiet(pcm)
        ):
            self.counts.dropped_seconds += pcm.size / self.rate_hz
            return _NOTHING
        silence = self._silence(min(gap, -ahead))
        self._produced += pcm.size
        return np.concatenate((silence, pcm)) if silence.size else pcm

    def idle(self, now: float) -> Pcm:
        """What leaves after IDLE_S without audio: silence, less what the output is ahead of the
        clock. Nothing before the first audio."""
        return self._silence(min(int(IDLE_S * self.rate_hz), -self._ahead(now)))

    def _ahead(self, now: float) -> int:
        """By how many samples the output is ahead of the clock; negative if it is behind."""
        if self._started_at is None:
            return 0
        return self._produced - int((now - self._started_at) * self.rate_hz)

    def _silence(self, samples: int) -> Pcm:
        samples = max(0, samples)
        self.counts.filled_seconds += samples / self.rate_hz
        self._produced += samples
        return np.zeros(samples, np.int16)

    async def next(
        self, read: Callable[[], Awaitable[tuple[int, Pcm] | None]], clock: Callable[[], float]
    ) -> Pcm | None:
        """The next piece of audio or silence; None once ``read`` returns None."""
        while True:
            try:
                async with asyncio.timeout(IDLE_S):
                    piece = await read()
            except TimeoutError:
                pcm = self.idle(clock())
            else:
                if piece is None:
                    return None
                pcm = self.place(*piece, clock())
            if pcm.size:
                return pcm


class SocketFormat(Protocol):
    """The format of a speaker's binary messages."""

    rate_hz: int

    def read(self, data: bytes) -> tuple[int, Pcm]:
        """The timestamp of a message, in samples, and its audio. Raises ValueError."""
        ...


class Samples:
    """s16le mono at 16 kHz, at most 1 s a message, without gaps."""

    rate_hz = SPEECH_RATE_HZ

    def __init__(self) -> None:
        self._position = 0

    def read(self, data: bytes) -> tuple[int, Pcm]:
        """The position of the first sample of ``data``, and its samples. Raises ValueError."""
        if len(data) % 2 or len(data) > MAX_CHUNK_BYTES:
            raise ValueError(
                f"a chunk of {len(data)} bytes: sound is 16-bit samples, an even number of "
                f"bytes, at most {MAX_CHUNK_BYTES}"
            )
        pcm = np.frombuffer(data, "<i2").astype(np.int16, copy=False)
        self._position += pcm.size
        return self._position - pcm.size, pcm


class OpusPackets:
    """RTP packets with Opus. Audio that was lost or not sent is a gap in their timestamps."""

    rate_hz = RATE_HZ

    def __init__(self) -> None:
        self._decoder = OpusDecoder()
        self._position = 0

    def read(self, data: bytes) -> tuple[int, Pcm]:
        """The position of the first sample of a packet, and its samples. Raises ValueError."""
        packet = rtp.parsed(data)
        if packet is None or not packet.payload:
            raise ValueError(f"{len(data)} bytes that are no RTP packet with Opus")
        self._position += (packet.timestamp - self._position + 2**31) % 2**32 - 2**31
        try:
            return self._position, self._decoder.decode(packet.payload)
        except FFmpegError as error:
            raise ValueError(f"a packet that is not Opus: {error}") from error


class SocketReceiver:
    """Receives a speaker's binary messages in ``format``. An async iterator of Sound.

    At most MAX_CHUNKS messages wait: the oldest is dropped and counted.
    """

    def __init__(
        self,
        format: SocketFormat | None = None,
        counts: SocketCounts | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts = counts or SocketCounts()
        self._format = format or Samples()
        self._clock = clock
        self._timeline = Timeline(self._format.rate_hz, self.counts)
        other_hz = SPEECH_RATE_HZ if self._format.rate_hz == RATE_HZ else RATE_HZ
        self._resampler = Resampler(self._format.rate_hz, other_hz)
        self._chunks: deque[tuple[int, Pcm]] = deque()
        self._ready = asyncio.Event()
        self._closed = False

    def push(self, data: bytes) -> None:
        """Take a message. Raises ValueError if it is not in the format."""
        chunk = self._format.read(data)
        if len(self._chunks) == MAX_CHUNKS:
            self.counts.dropped_seconds += self._chunks.popleft()[1].size / self._format.rate_hz
        self._chunks.append(chunk)
        self._ready.set()

    def close(self) -> None:
        """No more messages will come: iteration ends after those that wait."""
        self._closed = True
        self._ready.set()

    def __aiter__(self) -> "SocketReceiver":
        return self

    async def __anext__(self) -> Sound:
        pcm = await self._timeline.next(self._read, self._clock)
        if pcm is None:
            raise StopAsyncIteration
        other = self._resampler.push(pcm)
        return Sound(pcm, other) if self._format.rate_hz == RATE_HZ else Sound(other, pcm)

    async def _read(self) -> tuple[int, Pcm] | None:
        while not self._chunks:
            if self._closed:
                return None
            self._ready.clear()
            await self._ready.wait()
        return self._chunks.popleft()
