"""A stream's sound on its way to the interpreter.

Stream time is the count of samples heard, at 16 kHz; it never goes back while the stream lives.
``epoch`` rises when a speaker or an interpreter starts anew.
"""

from collections.abc import Callable

import numpy as np

from server.bus.messages import RATE_HZ, AudioChunk, Message
from server.bus.protocol import Bus
from server.bus.replay import Replay, ReplayCounts
from server.media.opus import Pcm

#: Recognition gets sound in pieces of 100 ms: smaller ones cost it more CPU a second.
CHUNK_SAMPLES = RATE_HZ // 10


class Feeding:
    """One stream's. ``sample``: up to here it was heard. ``count_again`` is called for each piece
    that is fed again; ``counts``: of what is not."""

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

    def hear(self, pcm16: Pcm) -> None:
        """The stream's next sound."""
        self._pending.append(pcm16)
        if sum(map(len, self._pending)) >= CHUNK_SAMPLES:
            self.flush()

    def flush(self) -> None:
        """What was heard goes to the interpreter now."""
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

    def committed(self, sample: int) -> None:
        """All before ``sample`` has been said."""
        self._replay.committed(sample)

    def lost(self) -> None:
        """The next interpreter will be fed what this one had not finished."""
        self._replay.worker_lost()
        self.epoch += 1

    def begin(self, sample: int | None = None) -> None:
        """An epoch in which nothing before ``sample`` is wanted any more; None: before now."""
        self.flush()
        self._replay.take_back(self.sample if sample is None else sample)
        self.epoch += 1

    def feed(self) -> None:
        """An interpreter is there for this epoch: it gets what was heard before, if anything."""
        for chunk in self._replay.worker_ready(self.epoch):
            self._count_again()
            self._bus.publish(chunk)
