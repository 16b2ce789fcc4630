"""Sends a stream's audio to the interpreter.

Stream time is the number of samples received, at 16 kHz; it never goes back while the stream
exists. ``epoch`` rises when the spoken language changes or the interpreter restarts; a later stream
of the same name begins higher, as its time begins at 0 again.

If somebody else goes on in another language, their audio waits until what was said before is
interpreted: in the new epoch it would be dropped.
"""

from collections.abc import Callable

import numpy as np

from server.bus.messages import RATE_HZ, AudioChunk, Message
from server.bus.protocol import Bus
from server.bus.replay import Replay, ReplayCounts
from server.media.opus import Pcm

#: Audio is sent in pieces of 100 ms. With smaller ones recognition takes more CPU time.
CHUNK_SAMPLES = RATE_HZ // 10
#: The longest wait for what was said before, in the audio of who goes on.
WAITS_SAMPLES = 3 * RATE_HZ
#: The interpreter says what it has interpreted in such steps; the last one is silence.
STEP_SAMPLES = RATE_HZ // 2


class Feeding:
    """The audio of one stream. ``sample``: stream time up to which it was sent. ``count_again`` is
    called for each piece that is sent again; ``counts`` counts what was given up."""

    def __init__(
        self,
        stream: str,
        bus: Bus[Message],
        count_again: Callable[[], None],
        counts: ReplayCounts,
        epoch: int = 0,
    ) -> None:
        self.epoch = epoch
        self.sample = 0
        self._stream = stream
        self._bus = bus
        self._count_again = count_again
        self._replay = Replay(counts)
        self._pending: list[Pcm] = []
        self._takes = True
        #: Where the next epoch begins, and what is called then; None: at no known time.
        self._next: tuple[int, Callable[[], None]] | None = None

    @property
    def waits(self) -> bool:
        """Whether audio waits until what was said before is interpreted."""
        return self._next is not None

    @property
    def heard(self) -> int:
        """Stream time of the audio that comes next."""
        return self.sample + sum(map(len, self._pending))

    def hear(self, pcm16: Pcm) -> None:
        """Take the stream's next audio."""
        if not self._takes:
            return
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
        if self._replay.heard(chunk) and not self.waits:
            self._bus.publish(chunk)
        self._begin_if_due()

    def take(self, on: bool) -> None:
        """Whether to take audio from now on."""
        self.flush()
        self._takes = on

    @property
    def unfinished_s(self) -> float:
        """The audio that has not been interpreted yet, in seconds."""
        return (self._replay.kept_samples + sum(map(len, self._pending))) / RATE_HZ

    def committed(self, sample: int) -> None:
        """Everything before ``sample`` has been interpreted."""
        self._replay.committed(sample)
        self._begin_if_due()

    def lost(self, died: bool) -> None:
        """The interpreter is gone: the next one will get the audio that it had not finished.
        ``died``: see Replay."""
        self._replay.worker_lost(died)
        self.epoch += 1
        self._begin_if_due()

    def begin(self, sample: int | None, begun: Callable[[], None], *, finish: bool) -> None:
        """Begin an epoch, in which nothing before ``sample`` is interpreted (None: before now),
        and call ``begun``. ``finish``: first, what came before is interpreted."""
        self.flush()
        if self._next is not None and finish:
            # Somebody said a little between two others. Nothing tells its language any more.
            self._replay.give_up(self._next[0])
        self._next = self.sample if sample is None else sample, begun
        if not finish:
            self._begin()
        self._begin_if_due()

    def _begin_if_due(self) -> None:
        if self._next is not None:
            first, _ = self._next
            late = self.sample - first >= WAITS_SAMPLES
            if late or not self._replay.is_unfinished(first - STEP_SAMPLES):
                self._begin()

    def _begin(self) -> None:
        assert self._next is not None
        (first, begun), self._next = self._next, None
        self._replay.take_back(first)
        self.epoch += 1
        begun()

    def feed(self) -> None:
        """An interpreter is ready for this epoch: send it the earlier audio that it still needs."""
        for chunk in self._replay.worker_ready(self.epoch):
            self._count_again()
            self._bus.publish(chunk)
