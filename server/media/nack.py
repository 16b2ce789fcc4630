"""Decides which of a speaker's packets are requested again (RFC 4585, 6.2.1). Sans-I/O.

- A packet is requested once a later packet came without a copy of it, and again while it could
  still be played in time, by the jitter buffer's target.
- Everything is bounded: packets remembered, attempts for each, requests a second. A sender that
  never answers is asked no more.
"""

from dataclasses import dataclass
from typing import Final

from server.media.counts import JitterCounts
from server.media.guard import RateLimit
from server.media.jitter import MAX_TARGET_S

ATTEMPTS: Final = 3
NACKS_PER_S: Final = 50
#: A longer gap is not loss but a new start: 2 s.
MAX_MISSING: Final = 100
#: After so many requests without an answer no more are made.
MAX_UNANSWERED: Final = 100
#: The shortest time between attempts; the first estimate of the round-trip time.
_LEAST_RETRY_S: Final = 0.03
_FIRST_ROUND_TRIP_S: Final = 0.05


@dataclass(slots=True)
class _Missing:
    since_s: float
    asked_s: float = 0.0
    attempts: int = 0


class NackGenerator:
    """For one SSRC. Counts requests, and packets that arrived after one, in ``counts``."""

    def __init__(self, counts: JitterCounts) -> None:
        self._counts = counts
        self._newest: int | None = None
        self._missing: dict[int, _Missing] = {}
        self._limit = RateLimit(NACKS_PER_S)
        self._unanswered = 0
        self._round_trip_s = _FIRST_ROUND_TRIP_S

    def received(self, sequence: int, now_s: float) -> float:
        """A packet arrived. Returns how long it was missing, if it had been requested; else 0."""
        newest = sequence if self._newest is None else self._newest
        number = _nearest(sequence, newest)
        if abs(number - newest) > MAX_MISSING:
            self._missing.clear()
            newest = number
        for lost in range(newest + 1, number):
            self._missing[lost] = _Missing(now_s)
        while len(self._missing) > MAX_MISSING:
            del self._missing[next(iter(self._missing))]
        self._newest = max(number, newest)
        found = self._missing.pop(number, None)
        if found is None or not found.attempts:
            return 0.0
        self._counts.came_again += 1
        self._unanswered = 0
        if found.attempts == 1:  # after more attempts it is unknown which was answered
            self._round_trip_s += (now_s - found.asked_s - self._round_trip_s) / 8
        return now_s - found.since_s

    def recovered(self, sequence: int) -> bool:
        """A copy of a packet arrived in another packet. Returns whether the packet was missing;
        from now on it is not."""
        assert self._newest is not None
        return self._missing.pop(_nearest(sequence, self._newest), None) is not None

    def due(self, target_s: float, now_s: float) -> list[int]:
        """The sequence numbers to request now, sorted."""
        retry_s = max(_LEAST_RETRY_S, 1.2 * self._round_trip_s)
        wanted = []
        for number, missing in list(self._missing.items()):
            waited_s = now_s - missing.since_s
            if waited_s > 2 * MAX_TARGET_S:
                del self._missing[number]
            elif (
                waited_s <= target_s
                and missing.attempts < ATTEMPTS
                and (not missing.attempts or now_s - missing.asked_s >= retry_s)
                and self._unanswered < MAX_UNANSWERED
                and self._limit.allows(now_s)
            ):
                missing.attempts += 1
                missing.asked_s = now_s
                self._unanswered += 1
                wanted.append(number % 2**16)
        self._counts.asked_for += len(wanted)
        return sorted(wanted)


def _nearest(sequence: int, number: int) -> int:
    """The number nearest to ``number`` whose lowest 16 bits are ``sequence``."""
    return number + (sequence - number + 2**15) % 2**16 - 2**15
