"""Plays channels that another machine encoded: its packets in, the same ones out, at this
machine's clock.

- A Timeline maps the other machine's ticks to those of this one, so that a packet waits TARGET
  ticks if the network does not delay it.
- A packet has the timestamp of its own tick. One that comes up to AFTER ticks late, or whose tick
  this machine's clock has skipped, is sent with the next tick. If one comes later still, all wait
  longer from then on, up to MOST ticks; what is later than that is dropped.
- In silence, all wait as long as was needed lately; without silence, this changes by single ticks.
  The same makes up for clocks that differ. Ticks without a packet stay silent.
"""

from collections import Counter
from typing import Final

from server.media.broadcast import Broadcast

#: Ticks of 20 ms that packets usually wait, and the most.
TARGET: Final = 2
MOST: Final = 12
#: So many ticks after its own a packet is still sent.
AFTER: Final = 5
#: From so many packets it is known how long they have to wait: 2 s of sound.
SURE: Final = 100
#: Without silence, after so many ticks they wait one tick less or more.
WINDOW_TICKS: Final = 250
#: After so many ticks in which packets came only too late, time is mapped anew: half a second.
LATE_TICKS: Final = 25
#: Packets that a channel keeps; more are a fault of the other machine.
MOST_WAITING: Final = 2 * MOST
#: In place of a tick without a packet, where one is needed: its decoder conceals, or is silent.
NOTHING: Final = b"\xf8"


class Timeline:
    """The ticks of another machine on this one's clock. ``shift``: what to add to its ticks; None
    before the first packet."""

    def __init__(self) -> None:
        self.shift: int | None = None
        self._late_since: int | None = None
        self._quickest = self._quickest_before = 0
        self._begin(0)

    def _begin(self, now: int) -> None:
        self._since = now
        self._arrivals = 0
        self._least_wait = MOST_WAITING
        self._quickest_before = self._quickest

    def arrived(self, tick: int, now: int) -> bool:
        """A packet of ``tick`` arrived before the tick ``now`` of this machine is played. Returns
        whether it can still be played."""
        took = now - tick
        late = self._late_since is not None and now - self._late_since >= LATE_TICKS
        if self.shift is None or late or self.shift - took > MOST_WAITING:
            self.shift, self._late_since = took + TARGET, None
            self._quickest = took
            self._begin(now)
        self._quickest = min(took, self._quickest) if self._arrivals else took
        wait = self.shift - took
        if wait < -AFTER:
            if took - min(self._quickest, self._quickest_before) > MOST:
                self._late_since = now if self._late_since is None else self._late_since
                return False
            self.shift -= wait
            wait = 0
        self._late_since = None
        self._arrivals += 1
        self._least_wait = min(self._least_wait, wait)
        return True

    def settle(self, now: int, silent: bool) -> None:
        """Once a tick: let packets wait as long as was needed. ``silent``: nothing waits now."""
        if self.shift is None or self._arrivals < SURE:
            return
        excess = max(0, self._least_wait - TARGET) or min(0, self._least_wait)
        if silent:
            self.shift -= excess
        elif now - self._since >= WINDOW_TICKS:
            self.shift -= (excess > 0) - (excess < 0)
        else:
            return
        self._begin(now)


class RelayedPlayout:
    """Plays the channels of one stream. ``counts``: packets that came too "late", "skipped" ones
    (a later tick had been played), and "unheard" ones of channels that nobody hears."""

    def __init__(self, counts: Counter[str] | None = None) -> None:
        self.counts: Counter[str] = Counter() if counts is None else counts
        self._next = 0
        self._timeline = Timeline()
        self._channels: dict[str, _Channel] = {}

    @property
    def channels(self) -> dict[str, Broadcast]:
        """The open channels, by name."""
        return {name: channel.broadcast for name, channel in self._channels.items()}

    def channel(self, name: str) -> Broadcast:
        """The channel of that name, which is opened if it is not open."""
        return self._channels.setdefault(name, _Channel(name)).broadcast

    def close_channel(self, name: str) -> None:
        """Close a channel. Its tracks are stopped."""
        if channel := self._channels.pop(name, None):
            channel.broadcast.close()

    def close(self) -> None:
        """Close all channels."""
        for name in tuple(self._channels):
            self.close_channel(name)

    def push(
        self, timeline: Timeline, name: str, tick: int, data: bytes, begins_speech: bool
    ) -> None:
        """Take the packet of a channel for ``tick`` of ``timeline``. Those of another timeline
        than before replace what waits."""
        if timeline is not self._timeline:
            self._timeline = timeline
            for each in self._channels.values():
                each.waiting.clear()
        channel = self._channels.get(name)
        if not timeline.arrived(tick, self._next):
            self.counts["late"] += 1
        elif channel is None:
            self.counts["unheard"] += 1
        else:
            channel.waiting[tick] = data, begins_speech
            if len(channel.waiting) > MOST_WAITING:
                del channel.waiting[min(channel.waiting)]
                self.counts["skipped"] += 1

    def tick(self, tick: int) -> None:
        """Play 20 ms."""
        self._next = tick + 1
        shift = self._timeline.shift
        for channel in self._channels.values():
            due = [] if shift is None else sorted(e for e in channel.waiting if e + shift <= tick)
            newcomers = channel.broadcast.take_newcomers()
            for each in due:
                data, begins_speech = channel.waiting.pop(each)
                own_tick = each + (shift or 0)
                if max(channel.last, tick - AFTER) < own_tick:
                    channel.last = own_tick
                    channel.broadcast.publish(own_tick, data, begins_speech)
                else:
                    self.counts["skipped"] += 1
            if due:
                continue
            if newcomers:  # a browser waits for a first packet
                channel.last = tick
                channel.broadcast.publish(tick, NOTHING)
            else:
                channel.broadcast.publish_silence(tick, NOTHING)
        self._timeline.settle(tick, not any(each.waiting for each in self._channels.values()))


class _Channel:
    """``waiting``: packets and whether speech begins with them, by tick of the other machine.
    ``last``: the tick of the last one sent."""

    def __init__(self, name: str) -> None:
        self.broadcast = Broadcast(name)
        self.last = -1
        self.waiting: dict[int, tuple[bytes, bool]] = {}
