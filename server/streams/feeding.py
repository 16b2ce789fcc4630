"""Sends a stream's audio to the interpreter.

Stream time is the number of samples received, at 16 kHz; it never goes back while the stream
exists. ``epoch`` rises when the spoken language changes or the interpreter restarts.
"""

from collections.abc import Callable

import numpy as np

from server.bus.messages import RATE_HZ, AudioChunk, Message
from server.bus.protocol import Bus
from server.bus.replay import Replay, ReplayCounts
from server.media.opus import Pcm

#: Audio is sent in pieces of 100 ms. With smaller ones recognition takes more CPU time.
CHUNK_SAMPLES = RATE_HZ // 10


class Feeding:
    """The audio of one stream. ``sample``: stream time up to which it was sent. ``count_again`` is
    called for each piece that is sent again; ``counts`` counts what was given up."""

    def __init__(
        self,
        stream: str,
        bus: Bus[Message],
        count_again: Callable[[], None],
        counts: ReplayCounts,
    ) -> None:
        self.epoch = 0
        self.sample = 0
        self._stream = stream
        self._bus = bus
        self._count_again = count_again
        self._replay = Replay(counts)
        self._pending: list[Pcm] = []

    @property
    def heard(self) -> int:
        """Stream time of the audio that comes next."""
        return self.sample + sum(map(len, self._pending))

    def hear(self, pcm16: Pcm) -> None:
        """Take the stream's next audio."""
        self._pending.append(pcm16)
        if sum(map(len, self._pending)) >= CHUNK_SAMPLES:
            self.flush()

    def flush(self) -> None:
        """Send what waits to the interpreter now."""
        if not self._pending:
            return
        chunk = AudioChunk(
            stream=self._stream,
            epoch=self.epoch,
            start_sample=self.sample,
            pcm=np.concatenate(self._pending).tobytes(),
        )
        self._pending.clear()
        self.sample = chunk.end_sample
        if self._replay.heard(chunk):
            self._bus.publish(chunk)

    @property
    def is_unfinished(self) -> bool:
        """Whether some of the audio has not been interpreted yet."""
        return bool(self._pending) or self._replay.keeps_any

    def committed(self, sample: int) -> None:
        """Everything before ``sample`` has been interpreted."""
        self._replay.committed(sample)

    def lost(self) -> None:
        """The interpreter died: the next one will get the audio that it had not finished."""
        self._replay.worker_lost()
        self.epoch += 1

    def begin(self, sample: int | None = None) -> None:
        """Begin an epoch, in which nothing before ``sample`` is interpreted; None: before now."""
        self.flush()
        self._replay.take_back(self.sample if sample is None else sample)
        self.epoch += 1

    def feed(self) -> None:
        """An interpreter is ready for this epoch: send it the earlier audio that it still needs."""
        for chunk in self._replay.worker_ready(self.epoch):
            self._count_again()
            self._bus.publish(chunk)
