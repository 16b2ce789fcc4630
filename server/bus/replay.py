"""Which audio a new interpreter gets after the old one was lost: no I/O, one per stream.

- Audio is kept until it is committed, at most the last ``KEPT_S`` of it.
- An interpreter that becomes ready gets all that is kept, and then what arrives.
- When an interpreter died, the audio that it got and did not commit is suspect. The next one
  gets it once more. If that one dies too before it has committed all of it, the rest is
  skipped: the same audio crashes two interpreters at most.
- If an interpreter is lost before it was ready, no audio becomes suspect: it had got none.
- Sample numbers never fall, also when the epoch rises.
- The last ``AGAIN_S`` of committed audio are kept as well: it may have been interpreted from the
  wrong language, and is then interpreted again.
"""

from collections import deque
from dataclasses import dataclass

import msgspec

from server.bus.messages import RATE_HZ, AudioChunk

KEPT_S = 30
#: How far back audio is interpreted again after a wrong language. Older speech would come too late.
AGAIN_S = 12


@dataclass
class ReplayCounts:
    """``dropped_samples``: given up because too much audio was not committed, or because a third
    speaker followed, in another language, before the second could be interpreted.
    ``skipped_samples``: given up because two interpreters were lost on this audio."""

    dropped_samples: int = 0
    skipped_samples: int = 0


class Replay:
    """The kept audio of one stream. ``counts`` may be shared by all streams. ``kept_samples``: the
    audio that has not been interpreted yet."""

    def __init__(self, counts: ReplayCounts) -> None:
        self._kept: deque[AudioChunk] = deque()
        self.kept_samples = 0
        self._committed: deque[AudioChunk] = deque()
        self._ready = False
        self._suspect_end = 0
        self._counts = counts

    def heard(self, chunk: AudioChunk) -> bool:
        """Keep ``chunk``. Returns whether to send it to the interpreter now. If not, none is
        ready, and ``worker_ready`` will return it."""
        self._kept.append(chunk)
        self.kept_samples += chunk.samples
        while self.kept_samples > KEPT_S * RATE_HZ:
            self._counts.dropped_samples += self._forget_oldest()
        return self._ready

    def is_unfinished(self, sample: int) -> bool:
        """Whether an interpreter is at work on audio before ``sample``."""
        return self._ready and bool(self._kept) and self._kept[0].end_sample <= sample

    def committed(self, sample: int) -> None:
        """All audio before ``sample`` has been interpreted."""
        while self._kept and self._kept[0].end_sample <= sample:
            self._committed.append(self._kept[0])
            self._forget_oldest()
            oldest = self._committed[-1].end_sample - AGAIN_S * RATE_HZ
            while self._committed[0].end_sample <= oldest:
                self._committed.popleft()

    def take_back(self, sample: int) -> None:
        """Interpret again from ``sample`` on: committed audio from there on, as far as it is still
        kept, is no longer committed; all audio before it is forgotten."""
        again = [*self._committed, *self._kept]
        self._committed.clear()
        self._kept = deque(chunk for chunk in again if chunk.end_sample > sample)
        self.kept_samples = sum(chunk.samples for chunk in self._kept)

    def give_up(self, sample: int) -> None:
        """Do not interpret what was heard from ``sample`` on."""
        while self._kept and self._kept[-1].end_sample > sample:
            samples = self._kept.pop().samples
            self.kept_samples -= samples
            self._counts.dropped_samples += samples

    def worker_lost(self, died: bool = True) -> None:
        """The interpreter is gone. ``died``: perhaps of its audio; not if a link was lost."""
        if not self._ready:
            return
        self._ready = False
        if not died:
            return
        while self._kept and self._kept[0].end_sample <= self._suspect_end:
            self._counts.skipped_samples += self._forget_oldest()
        if self._kept:
            self._suspect_end = self._kept[-1].end_sample

    def worker_ready(self, epoch: int) -> list[AudioChunk]:
        """A new interpreter is ready. Returns the audio to send it first, in order, marked with
        the new ``epoch``."""
        self._ready = True
        self._kept = deque(msgspec.structs.replace(chunk, epoch=epoch) for chunk in self._kept)
        return list(self._kept)

    def _forget_oldest(self) -> int:
        samples = self._kept.popleft().samples
        self.kept_samples -= samples
        return samples
