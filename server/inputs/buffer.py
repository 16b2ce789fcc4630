"""A source's sound until it is spoken: evens out arrival and corrects the source's clock.

- Sound leaves 20 ms at a time on our clock, and silence where there is none.
- ``room`` waits while ten seconds are kept, so a source that can be read faster than real time is
  played in real time.
- The lowest level of the last seconds is delay that the source does not need. It is taken away by
  leaving out quiet parts, or a pitch period now and then. Where there is too little, a pitch
  period is repeated. Both are counted.
- Silence that was played while the source was late counts for what its timestamps leave out.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, Pcm
from server.media.stretch import lengthened, shortened

LIMIT: Final = 10 * RATE_HZ
#: Playing begins with so much, also after it ran out.
CUSHION: Final = RATE_HZ // 5
#: The lowest level may be between these two.
TOO_LITTLE, TOO_MUCH = RATE_HZ // 20, RATE_HZ * 3 // 10
#: From this lowest level on, parts are left out that are not quiet.
FAR_TOO_MUCH: Final = RATE_HZ
#: The lowest level is that of one to two such times.
WINDOW_S: Final = 5.0
#: Between two corrections of sound that is not quiet.
CORRECTION_S: Final = 0.2
#: A part is quiet if it is below this peak, or below this share of the loudest of late.
QUIET_PEAK: Final = 100
QUIET_SHARE: Final = 0.05
#: How much of the loudest remains after each part of 20 ms: a tenth after 20 s.
FADING: Final = 0.9977


@dataclass
class Counts:
    """What became of a source's sound, in samples."""

    left_out: int = 0
    repeated: int = 0
    silent: int = 0
    dropped: int = 0


class Buffer:
    """One source's. ``now`` is the time in seconds. ``counts``: see there."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._parts: deque[Pcm] = deque()
        self._level = 0
        self._filling = True
        self._ended = False
        self._owed = 0  # silence played since the last sound
        self._loudest = 0.0
        self._lowest = [LIMIT, LIMIT]  # of this window and of the one before
        self._window_s = self._corrected_s = self._held_s = self._taken_s = now()
        self._room = asyncio.Event()
        self._room.set()
        self.counts = Counts()

    @property
    def level_s(self) -> float:
        """How much waits, in seconds: how late the sound is."""
        return self._level / RATE_HZ

    @property
    def idle_s(self) -> float:
        """How long nothing was taken."""
        return self._now() - self._taken_s

    @property
    def spent(self) -> bool:
        """Whether the source ended and all its sound was taken."""
        return self._ended and not self._level

    async def room(self) -> None:
        """Wait until there is room for more."""
        if self._level >= LIMIT:
            self._room.clear()
            await self._room.wait()
            self._held_s = self._now()

    def put(self, pcm: Pcm, gap: int = 0) -> None:
        """Add sound; before it as much silence as is missing and was not yet played. ``gap``: how
        much is missing, in samples."""
        missing = max(0, gap - self._owed)
        self._owed = 0
        if missing:
            self._add(np.zeros(missing, np.int16))
        self._add(pcm)

    def end(self) -> None:
        """No more comes: play what is left."""
        self._ended = True
        self._filling = False

    def take(self) -> Pcm:
        """The next 20 ms; silence where there is no sound."""
        self._taken_s = now_s = self._now()
        if self._filling and self._level < CUSHION:
            return self._silence(SAMPLES_PER_TICK)
        self._filling = False
        self._watch(now_s)
        pcm = self._corrected(self._out(SAMPLES_PER_TICK), now_s)
        if pcm.size < SAMPLES_PER_TICK:
            self._filling = not self._ended
            pcm = np.concatenate((pcm, self._silence(SAMPLES_PER_TICK - pcm.size)))
        elif pcm.size > SAMPLES_PER_TICK:
            self._parts.appendleft(pcm[SAMPLES_PER_TICK:])
            self._level += pcm.size - SAMPLES_PER_TICK
        if self._level < LIMIT:
            self._room.set()
        return pcm[:SAMPLES_PER_TICK]

    def drop(self) -> None:
        """Take 20 ms that nobody hears."""
        taken_s, level = self._taken_s, self._level
        self.take()
        self._taken_s = taken_s
        self.counts.dropped += max(0, level - self._level)

    def _add(self, pcm: Pcm) -> None:
        self._parts.append(pcm)
        self._level += pcm.size

    def _out(self, samples: int) -> Pcm:
        """Remove the first ``samples``, or fewer if there are not so many."""
        parts: list[Pcm] = []
        while samples and self._parts:
            part = self._parts.popleft()
            if part.size > samples:
                self._parts.appendleft(part[samples:])
                part = part[:samples]
            parts.append(part)
            samples -= part.size
            self._level -= part.size
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)

    def _silence(self, samples: int) -> Pcm:
        self._owed += samples
        self.counts.silent += samples
        return np.zeros(samples, np.int16)

    def _watch(self, now_s: float) -> None:
        if now_s - self._window_s >= WINDOW_S:
            self._window_s = now_s
            self._lowest = [LIMIT, self._lowest[0]]
        self._lowest[0] = min(self._lowest[0], self._level)

    def _corrected(self, pcm: Pcm, now_s: float) -> Pcm:
        """``pcm``, with a little left out or repeated if the source's clock demands it."""
        quiet = self._is_quiet(pcm)
        held = now_s - self._held_s < 2 * WINDOW_S
        lowest = min(self._lowest)
        due = now_s - self._corrected_s >= CORRECTION_S
        if held or self._ended or pcm.size < SAMPLES_PER_TICK or not (due or quiet):
            return pcm
        if TOO_MUCH < lowest < LIMIT and quiet:
            self._shift(-pcm.size)
            return self._out(SAMPLES_PER_TICK)
        if FAR_TOO_MUCH < lowest < LIMIT:
            made = shortened(pcm)
            self._shift(made.size - pcm.size)
            made = np.concatenate((made, self._out(SAMPLES_PER_TICK - made.size)))
        elif lowest < TOO_LITTLE and due:
            made = lengthened(pcm)
            self._shift(made.size - pcm.size)
        else:
            return pcm
        self._corrected_s = now_s
        return made

    def _shift(self, samples: int) -> None:
        """Count a correction of so many samples, which raises or lowers all levels."""
        self._lowest = [each + samples if each < LIMIT else each for each in self._lowest]
        if samples < 0:
            self.counts.left_out -= samples
        else:
            self.counts.repeated += samples

    def _is_quiet(self, pcm: Pcm) -> bool:
        peak = float(np.abs(pcm.astype(np.int32)).max(initial=0))
        self._loudest = max(peak, self._loudest * FADING)
        return peak < max(QUIET_PEAK, QUIET_SHARE * self._loudest)
