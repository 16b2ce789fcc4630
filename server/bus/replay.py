"""What sound a new interpreter is fed after the old one was lost: sans-I/O, one per stream.

- Sound is kept from when it is heard until it is committed, at most ``KEPT_S`` of it.
- An interpreter that gets ready is fed all that is kept, and from then on what comes.
- When one is lost, all sound it had been fed and had not committed is suspect. It is fed once
  more. If the next one is lost too before it has committed all of that, what is left of it is
  skipped: the same sound takes down two interpreters at most.
- Loss while none was ready makes no sound suspect: it had been fed none.
- Samples only ever count up, also when the epoch rises.
- The last ``AGAIN_S`` of what was committed are kept: it may have been heard in the wrong
  language.
"""

from collections import deque
from dataclasses import dataclass

import msgspec

from server.bus.messages import RATE_HZ, AudioChunk

KEPT_S = 30
#: Longer ago was said what would be too late to be interpreted again.
AGAIN_S = 12


@dataclass
class ReplayCounts:
    """``dropped_samples``: given up because too much was uncommitted; ``skipped_samples``:
    given up because two interpreters were lost on it."""

    dropped_samples: int = 0
    skipped_samples: int = 0


class Replay:
    """One stream's. ``counts`` may be those of all streams."""

    def __init__(self, counts: ReplayCounts) -> None:
        self._kept: deque[AudioChunk] = deque()
        self._kept_samples = 0
        self._committed: deque[AudioChunk] = deque()
        self._ready = False
        self._suspect_end = 0
        self._counts = counts

    def heard(self, chunk: AudioChunk) -> bool:
        """Keep ``chunk``. Returns whether to feed it now; when no interpreter is ready,
        ``worker_ready`` will return it."""
        self._kept.append(chunk)
        self._kept_samples += _samples(chunk)
        while self._kept_samples > KEPT_S * RATE_HZ:
            self._counts.dropped_samples += self._forget_oldest()
        return self._ready

    def committed(self, sample: int) -> None:
        """Everything before ``sample`` has been said."""
        while self._kept and self._kept[0].end_sample <= sample:
            self._committed.append(self._kept[0])
            self._forget_oldest()
            oldest = self._committed[-1].end_sample - AGAIN_S * RATE_HZ
            while self._committed[0].end_sample <= oldest:
                self._committed.popleft()

    def take_back(self, sample: int) -> None:
        """What was committed from ``sample`` on is to be fed again, as far as it is there;
        nothing before it is."""
        again = [*self._committed, *self._kept]
        self._committed.clear()
        self._kept = deque(chunk for chunk in again if chunk.end_sample > sample)
        self._kept_samples = sum(map(_samples, self._kept))

    def worker_lost(self) -> None:
        """The interpreter is gone."""
        if not self._ready:
            return
        self._ready = False
        while self._kept and self._kept[0].end_sample <= self._suspect_end:
            self._counts.skipped_samples += self._forget_oldest()
        if self._kept:
            self._suspect_end = self._kept[-1].end_sample

    def worker_ready(self, epoch: int) -> list[AudioChunk]:
        """A new interpreter takes sound. Returns what to feed it first, in order, as part of
        ``epoch``."""
        self._ready = True
        self._kept = deque(msgspec.structs.replace(chunk, epoch=epoch) for chunk in self._kept)
        return list(self._kept)

    def _forget_oldest(self) -> int:
        samples = _samples(self._kept.popleft())
        self._kept_samples -= samples
        return samples


def _samples(chunk: AudioChunk) -> int:
    return chunk.end_sample - chunk.start_sample
