"""A speaker's packets, put in order and played at their time. Sans-I/O.

- A packet is heard once its lateness is bridged: its timestamp, plus the least delay that any
  packet lately took, plus a target. The target covers what all but 1 % of packets needed, those
  that came again after a loss included; so it rises and falls with the network.
- Nothing that came is thrown away for being late unless its place has been filled meanwhile.
  When all packets are used up time stands still, filled with what may have been said: what then
  comes goes on from there, and the delay that was gained is won back by stretching (excess_s).
- A gap in timestamps is filled as far as it was not while packets were missing.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from server.media.counts import JitterCounts
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, TICK_S

#: The target: never less than this cushion, nor more than makes talking over it odd.
MIN_TARGET_S = 0.04
MAX_TARGET_S = 0.24
PERCENTILE = 99  # per cent of packets
#: Lateness is judged by so many packets, and every so many anew. What was lost is forgotten in 4 s.
WINDOW_PACKETS = 200
UPDATE_PACKETS = 25
#: Twice this long the least delay is remembered: clocks drift apart by under 1 ms in it.
MIN_DELAY_PERIOD_S = 10.0
#: Who leaps further in timestamps, or falls so far behind them, started anew.
JUMP_SAMPLES = 2 * RATE_HZ
MAX_PACKETS = 150
#: So much of a gap is made up; the rest of it is silence.
CONCEALED_SAMPLES = 6 * SAMPLES_PER_TICK


@dataclass(frozen=True, slots=True)
class Packet:
    """``samples`` at RATE_HZ from ``timestamp`` on, which counts from the first packet's."""

    timestamp: int
    samples: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Missing:
    """So many samples of which nothing came. ``following``: the packet right after them, which
    may hold a copy. ``silent``: nothing is to be made up any more."""

    samples: int
    following: bytes | None = None
    silent: bool = False


class JitterBuffer:
    """One sender's. Times are seconds of any steady clock."""

    def __init__(self, counts: JitterCounts | None = None) -> None:
        self.counts = JitterCounts() if counts is None else counts
        self.target_s = MIN_TARGET_S
        self._forget()

    def _forget(self) -> None:
        self._packets: dict[int, Packet] = {}
        self._next: int | None = None
        self._origin = 0
        self._newest: int | None = None
        self._filled = 0
        self._min_delays_s = [float("inf"), float("inf")]
        self._min_since_s = float("-inf")
        self._delays_s: deque[float] = deque(maxlen=WINDOW_PACKETS)

    def push(
        self, timestamp: int, samples: int, data: bytes, now_s: float, again: bool = False
    ) -> None:
        """A packet came; ``timestamp`` is RTP's, of 32 bits. ``again``: it had been lost, and
        asked for; so if it is late, nothing is that might have been heard without."""
        self.counts.came += 1
        at = self._unwrapped(timestamp)
        if self._newest is not None and (
            abs(at - self._newest) > JUMP_SAMPLES
            or self._delay_s(at, now_s) > JUMP_SAMPLES / RATE_HZ
        ):
            self.counts.restarts += 1
            self._forget()
            at = self._unwrapped(timestamp)
        self._newest = at if self._newest is None else max(at, self._newest)
        self._note_delay(now_s - at / RATE_HZ, now_s)
        if self._next is not None and at < self._next:
            self.counts.late += not again
        elif at in self._packets:
            self.counts.doubled += 1
        else:
            self._keep(Packet(at, samples, data))

    def restore(self, timestamp: int, samples: int, data: bytes, now_s: float) -> None:
        """A copy of a packet that was lost came with a later one, which is pushed next. Even if
        it is late: the target learns from it."""
        if self._newest is None:
            return
        at = self._unwrapped(timestamp)
        if abs(at - self._newest) > JUMP_SAMPLES:
            return
        self._note_delay(now_s - at / RATE_HZ, now_s)
        if at not in self._packets and (self._next is None or at >= self._next):
            self.counts.copied += 1
            self._keep(Packet(at, samples, data))

    def _keep(self, packet: Packet) -> None:
        self._packets[packet.timestamp] = packet
        if len(self._packets) > MAX_PACKETS:
            dropped = self._packets.pop(min(self._packets))
            self.counts.overflowed += 1
            if self._next is not None:  # what was dropped is passed over, not waited for
                self._next = max(self._next, dropped.timestamp + dropped.samples)

    def pull(self, now_s: float) -> Packet | Missing | None:
        """What is to be heard next; None while nothing has come yet, or not for long enough."""
        if self._next is None:
            if not self._packets or self._delay_s(min(self._packets), now_s) < self.target_s:
                return None
            self._next = min(self._packets)
        if not self._packets:
            return self._fill(SAMPLES_PER_TICK)
        first = min(self._packets)
        covered = min(first - self._next, self._filled)
        self._next += covered
        self._filled = 0 if first == self._next else self._filled - covered
        if first > self._next:
            return self._skip(first)
        packet = self._packets.pop(first)
        self._next = first + packet.samples
        return packet

    def delay_s(self, now_s: float, decoded_samples: int) -> float:
        """How long after it could have come is heard what is heard now, given so many samples
        that were pulled and are not heard yet; 0 before anything is."""
        if self._next is None:
            return 0.0
        return self._delay_s(self._next - decoded_samples, now_s)

    def excess_s(self, now_s: float, decoded_samples: int) -> float:
        """How much later that is than the target asks for. Negative: earlier."""
        if self._next is None:
            return 0.0
        return self.delay_s(now_s, decoded_samples) - self.target_s

    def _fill(self, samples: int) -> Missing:
        """Time stands still: whatever comes may begin here."""
        self._filled += samples
        self.counts.missing_samples += samples
        return Missing(samples, silent=self._filled > CONCEALED_SAMPLES)

    def _skip(self, first: int) -> Missing:
        """The next packet there is begins only at ``first``."""
        assert self._next is not None
        gap = first - self._next
        samples = min(gap, SAMPLES_PER_TICK)
        self._next += samples
        self.counts.missing_samples += samples
        following = self._packets[first].data if gap == samples else None
        return Missing(samples, following, silent=gap > CONCEALED_SAMPLES)

    def _unwrapped(self, timestamp: int) -> int:
        """Counted from the first one on: seconds stay exact."""
        if self._newest is None:
            self._origin = timestamp
            return 0
        step = (timestamp - self._origin - self._newest + 2**31) % 2**32 - 2**31
        return self._newest + step

    def _note_delay(self, delay_s: float, now_s: float) -> None:
        """Learn from how long a packet took, on the sender's clock plus an unknown constant."""
        if now_s - self._min_since_s > MIN_DELAY_PERIOD_S:
            self._min_delays_s = [self._min_delays_s[1], float("inf")]
            self._min_since_s = now_s
        self._min_delays_s[1] = min(self._min_delays_s[1], delay_s)
        self._delays_s.append(delay_s)
        if self.counts.came % UPDATE_PACKETS == 0:
            needed_s = float(np.percentile(self._delays_s, PERCENTILE)) - min(self._min_delays_s)
            self.target_s = min(MAX_TARGET_S, max(MIN_TARGET_S, needed_s + TICK_S))

    def _delay_s(self, at: int, now_s: float) -> float:
        """How long after its earliest possible arrival a timestamp is heard."""
        return now_s - at / RATE_HZ - min(self._min_delays_s)
