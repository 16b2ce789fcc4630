"""The speech in one language that waits to be played: clauses in order, each at its time.

A clause starts at the tick it was planned for, or as soon as the one before has ended. Its pieces
are played without gaps; if they come too slowly, the rest of the clause waits. At most 60 s wait:
beyond that the oldest clause that has not started is dropped and counted.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from server.media.counts import PlayoutCounts
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, Pcm, Resampler

LIMIT_SAMPLES = 60 * RATE_HZ
#: A clause that is planned further ahead, by mistake, is played after this time.
MAX_AHEAD_TICKS = LIMIT_SAMPLES // SAMPLES_PER_TICK


@dataclass(slots=True)
class _Clause:
    number: int
    play_at_tick: int
    resampler: Resampler | None
    samples: Pcm = field(default_factory=lambda: np.zeros(0, np.int16))
    #: The timestamps of its first sample, and after its last one so far, once it is played.
    start: int | None = None
    end: int = 0

    def add(self, pcm: Pcm) -> None:
        self.samples = np.concatenate((self.samples, pcm))

    def complete(self) -> None:
        if self.resampler is not None:
            self.add(self.resampler.flush())
            self.resampler = None


class SpeechQueue:
    """``on_start(clause, tick)`` is called when a clause begins to be played; ``on_end(clause,
    start, end)`` when it has been, with its timestamps at 48 kHz."""

    def __init__(
        self,
        on_start: Callable[[int, int], None] = lambda clause, tick: None,
        counts: PlayoutCounts | None = None,
        on_end: Callable[[int, int, int], None] = lambda clause, start, end: None,
    ) -> None:
        self.counts = PlayoutCounts() if counts is None else counts
        self._on_start, self._on_end = on_start, on_end
        self._clauses: deque[_Clause] = deque()
        self._tick = 0

    @property
    def backlog_s(self) -> float:
        """Seconds of speech that wait to be played, or are being played."""
        return sum(clause.samples.size for clause in self._clauses) / RATE_HZ

    def add(self, clause: int, pcm: Pcm, rate_hz: int, play_at_tick: int, last: bool) -> None:
        """Add a piece of a clause. ``play_at_tick`` matters in its first piece only. ``last``
        completes the clause; so does a piece of another clause (the last piece was lost)."""
        if not self._clauses or self._clauses[-1].number != clause:
            if self._clauses:
                self._clauses[-1].complete()
            play_at_tick = min(play_at_tick, self._tick + MAX_AHEAD_TICKS)
            self._clauses.append(_Clause(clause, play_at_tick, Resampler(rate_hz, RATE_HZ)))
        current = self._clauses[-1]
        if current.resampler is None:  # a piece after the last one
            return
        current.add(current.resampler.push(pcm))
        if last:
            current.complete()
        self._keep_within_limit()

    def pull(self, tick: int) -> Pcm | None:
        """The speech of this tick, padded with silence to 20 ms; None if there is none."""
        self._tick = tick
        parts: list[Pcm] = []
        missing = SAMPLES_PER_TICK
        while self._clauses and missing:
            clause = self._clauses[0]
            now = (tick + 1) * SAMPLES_PER_TICK - missing
            if clause.start is None:
                if clause.play_at_tick > tick or (clause.resampler and not clause.samples.size):
                    break
                clause.start = clause.end = now
                self._on_start(clause.number, tick)
            part, clause.samples = np.split(clause.samples, [missing])
            if part.size:
                clause.end = now + part.size
            parts.append(part)
            missing -= part.size
            if clause.samples.size or clause.resampler:
                break
            self._clauses.popleft()
            self._on_end(clause.number, clause.start, clause.end)
        if missing == SAMPLES_PER_TICK:
            return None
        return np.concatenate((*parts, np.zeros(missing, np.int16)))

    def _keep_within_limit(self) -> None:
        while self.backlog_s * RATE_HZ > LIMIT_SAMPLES:
            begun = self._clauses[0].start is not None and len(self._clauses) > 1
            del self._clauses[1 if begun else 0]
            self.counts.dropped_clauses += 1
