"""Puts a speaker's packets in order, and plays each at its time. Sans-I/O.

- The playout delay is the smallest delay that any packet lately had on the network, plus a target.
  The target covers the delays of 99 % of packets, retransmissions included, so it rises and falls
  with the network.
- A late packet is dropped only if its place was filled meanwhile. While no packet is left, time
  stands still and concealment is played; the next packet continues there. The delay that this adds
  is removed by time-stretching (see excess_s).
- A gap in timestamps is filled, less what was already filled while packets were missing.
- What a sender kept until it was connected is dropped, in the first second: see _drop_stale().
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from server.media.counts import JitterCounts
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, TICK_S

#: Bounds of the target: a small cushion, and the most with which people can still talk well.
MIN_TARGET_S = 0.04
MAX_TARGET_S = 0.24
PERCENTILE = 99  # the share of packets that the target covers
#: The target is computed from the last 200 packets (4 s), after every 25 packets.
WINDOW_PACKETS = 200
UPDATE_PACKETS = 25
#: The smallest delay is that of the last one to two periods. Clocks drift by under 1 ms in it.
MIN_DELAY_PERIOD_S = 10.0
#: A sender whose timestamps jump by more, or that is late by more, is treated as a new one.
JUMP_SAMPLES = 2 * RATE_HZ
MAX_PACKETS = 150
#: After the first packet, how long others may come that waited for the connection.
SETTLING_S = 1.0
#: At most this much of a gap is concealed; the rest is silence.
CONCEALED_SAMPLES = 6 * SAMPLES_PER_TICK


@dataclass(frozen=True, slots=True)
class Packet:
    """``samples`` at RATE_HZ from ``timestamp`` on, which counts from the first packet's."""

    timestamp: int
    samples: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Missing:
    """``samples`` for which there is no packet. ``following``: the packet right after them, which
    may contain a copy (FEC). ``silent``: play silence instead of concealment."""

    samples: int
    following: bytes | None = None
    silent: bool = False


class JitterBuffer:
    """One sender's packets. Times are seconds of any monotonic clock."""

    def __init__(self, counts: JitterCounts | None = None) -> None:
        self.counts = JitterCounts() if counts is None else counts
        self.target_s = MIN_TARGET_S
        self._begun_s: float | None = None
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
        self._measured = 0

    def push(
        self, timestamp: int, samples: int, data: bytes, now_s: float, again: bool = False
    ) -> None:
        """A packet arrived; ``timestamp`` is RTP's, of 32 bits. ``again``: it is a
        retransmission, so it is not counted as late."""
        self.counts.came += 1
        self._begun_s = now_s if self._begun_s is None else self._begun_s
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
        """A copy of a lost packet arrived in a later packet, which is pushed next. The target
        learns from its delay, even if it is too late to be played."""
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
            if self._next is not None:  # do not wait for the dropped packet
                self._next = max(self._next, dropped.timestamp + dropped.samples)

    def pull(self, now_s: float) -> Packet | Missing | None:
        """What to play next; None before playout starts."""
        if self._begun_s is not None and now_s - self._begun_s < SETTLING_S:
            self._drop_stale(now_s)
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
        """The playout delay of the sample played now: the time since its earliest possible
        arrival. ``decoded_samples`` were pulled and not played yet. 0 before playout starts."""
        if self._next is None:
            return 0.0
        return self._delay_s(self._next - decoded_samples, now_s)

    def excess_s(self, now_s: float, decoded_samples: int) -> float:
        """How much the playout delay exceeds the target; negative if it is shorter."""
        if self._next is None:
            return 0.0
        return self.delay_s(now_s, decoded_samples) - self.target_s

    def _drop_stale(self, now_s: float) -> None:
        """A sender that began before it was connected, as GStreamer does, then sends at once what
        waited. If all of it were heard, whatever follows would be late."""
        limit_s = MIN_TARGET_S if self._next is None else MAX_TARGET_S
        if not self._packets or self._delay_s(min(self._packets), now_s) <= limit_s:
            return
        *stale, first = sorted(
            at for at in self._packets if self._delay_s(at, now_s) >= MIN_TARGET_S
        )
        for at in stale:
            del self._packets[at]
        self.counts.late += len(stale)
        if self._next is not None:
            self._next = first
        self._delays_s.clear()
        self.target_s = MIN_TARGET_S

    def _fill(self, samples: int) -> Missing:
        """No packet is left. Time stands still: the next packet may begin here."""
        self._filled += samples
        self.counts.missing_samples += samples
        return Missing(samples, silent=self._filled > CONCEALED_SAMPLES)

    def _skip(self, first: int) -> Missing:
        """The next packet begins only at ``first``: return a part of the gap."""
        assert self._next is not None
        gap = first - self._next
        samples = min(gap, SAMPLES_PER_TICK)
        self._next += samples
        self.counts.missing_samples += samples
        following = self._packets[first].data if gap == samples else None
        return Missing(samples, following, silent=gap > CONCEALED_SAMPLES)

    def _unwrapped(self, timestamp: int) -> int:
        """The timestamp counted from the first one, without wraparound: seconds stay exact."""
        if self._newest is None:
            self._origin = timestamp
            return 0
        step = (timestamp - self._origin - self._newest + 2**31) % 2**32 - 2**31
        return self._newest + step

    def _note_delay(self, delay_s: float, now_s: float) -> None:
        """Learn from a packet's delay, which includes the unknown difference of the clocks."""
        if now_s - self._min_since_s > MIN_DELAY_PERIOD_S:
            self._min_delays_s = [self._min_delays_s[1], float("inf")]
            self._min_since_s = now_s
        self._min_delays_s[1] = min(self._min_delays_s[1], delay_s)
        self._delays_s.append(delay_s)
        self._measured += 1  # not ``counts``, which all speakers may share
        if self._measured % UPDATE_PACKETS == 0:
            needed_s = float(np.percentile(self._delays_s, PERCENTILE)) - min(self._min_delays_s)
            self.target_s = min(MAX_TARGET_S, max(MIN_TARGET_S, needed_s + TICK_S))

    def _delay_s(self, at: int, now_s: float) -> float:
        """How long after its earliest possible arrival the sample at ``at`` is played now."""
        return now_s - at / RATE_HZ - min(self._min_delays_s)
