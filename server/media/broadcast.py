"""One encoded packet for many listeners.

- A channel's Broadcast gives each packet to every Subscription. There is one for each listener.
- A Subscription has a short queue. If it is full, the oldest packet is dropped and counted: a slow
  listener loses its own audio and nobody else's.
- A Subscription that sends through an Outlet has no queue. The outlet sends each packet to all of
  the channel's listeners together.
- All channels share one clock: packet n of every channel has the RTP timestamp 960 x n. So a
  listener can change channel between two packets, and its timestamps never go back.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import Packet
from av.stream import Stream

from server.media.opus import SAMPLES_PER_TICK, TIME_BASE

__all__ = ["Broadcast", "EncodedPacket", "MediaStreamError", "SubscriberTrack", "Subscription"]

#: Size of a subscription's queue: 200 ms.
RING_PACKETS = 10


@dataclass(frozen=True, slots=True)
class EncodedPacket:
    """20 ms of a channel. ``data``: the Opus packet; ``packet``: the same for aiortc."""

    tick: int
    data: bytes
    packet: "Packet[Stream]"


class Group(Protocol):
    """The listeners of one channel that an outlet sends to."""

    def add(self, member: Any) -> None:
        """Send to ``member`` from the next packet on."""

    def discard(self, member: Any) -> None:
        """Send no more to ``member``."""

    def send(self, tick: int, data: bytes, begins_speech: bool) -> None:
        """Send a packet to all members, with the marker bit if ``begins_speech``. Neither waits nor
        raises."""


class Outlet(Protocol):
    """Sends to many listeners at once."""

    def group(self) -> Group:
        """A new group, without members."""


class Broadcast:
    """Gives one channel's packets to all its subscriptions."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self._subscriptions: set[Subscription] = set()
        self._with_ring: set[Subscription] = set()
        self._groups: dict[Outlet, Group] = {}
        self._newcomers = False
        self._losses: dict[Subscription, float] = {}

    @property
    def listeners(self) -> int:
        """The number of subscriptions."""
        return len(self._subscriptions)

    @property
    def loss(self) -> float:
        """The largest share of packets, 0 to 1, that a listener without RED reports as lost. The
        encoder's FEC is for these listeners."""
        return max(self._losses.values(), default=0.0)

    def publish(self, tick: int, data: bytes, begins_speech: bool = False) -> None:
        """Give one packet to every listener. ``begins_speech``: it is the first with audio after
        silence that was not sent."""
        for group in self._groups.values():
            group.send(tick, data, begins_speech)
        if self._with_ring:
            packet = Packet(data)
            packet.pts = tick * SAMPLES_PER_TICK
            packet.time_base = TIME_BASE
            encoded = EncodedPacket(tick, data, packet)
            for subscription in self._with_ring:
                subscription.push(encoded)

    def take_newcomers(self) -> bool:
        """Whether a listener came (also from another channel) since the last call."""
        newcomers, self._newcomers = self._newcomers, False
        return newcomers

    def subscribe(self, ring_packets: int = RING_PACKETS) -> "Subscription":
        """A new subscription, with a queue of ``ring_packets`` packets."""
        return Subscription(self, ring_packets)

    def close(self) -> None:
        """Close every subscription: their iterators end."""
        for subscription in tuple(self._subscriptions):
            subscription.close()


class Subscription:
    """A listener's subscription to a channel: an async iterator of EncodedPacket.

    ``dropped`` counts packets for which the queue was full, or that were out of order.
    """

    def __init__(self, broadcast: Broadcast, ring_packets: int) -> None:
        self.dropped = 0
        self._ring: deque[EncodedPacket] = deque()
        self._ring_packets = ring_packets
        self._last_tick = -1
        self._ready = asyncio.Event()
        self._sent_through: tuple[Outlet, Any] | None = None
        self._loss = 0.0
        self._closed = False
        self._broadcast = broadcast
        self._enter()

    @property
    def broadcast(self) -> Broadcast:
        """The current channel."""
        return self._broadcast

    def select(self, broadcast: Broadcast) -> None:
        """Change to another channel, from its next packet on."""
        if not self._closed:
            self._leave()
            self._broadcast = broadcast
            self._enter()

    @property
    def loss(self) -> float:
        """The loss that was reported last."""
        return self._loss

    def report_loss(self, share: float) -> None:
        """See Broadcast.loss."""
        self._loss = share
        self._broadcast._losses.pop(self, None)
        if share and not self._closed:
            self._broadcast._losses[self] = share

    def push(self, packet: EncodedPacket) -> None:
        """Queue a packet. If the queue is full, its oldest packet is dropped."""
        if packet.tick <= self._last_tick:  # browsers go silent if timestamps go back
            self.dropped += 1
            return
        self._last_tick = packet.tick
        if len(self._ring) == self._ring_packets:
            self._ring.popleft()
            self.dropped += 1
        self._ring.append(packet)
        self._ready.set()

    def close(self) -> None:
        """Leave the channel. Iteration ends."""
        self._closed = True
        self._leave()
        self._ring.clear()
        self._ready.set()

    def send_through(self, outlet: Outlet, member: Any) -> None:
        """From now on ``outlet`` sends the packets to its ``member``; none is queued."""
        self._ring.clear()
        self._leave()
        self._sent_through = outlet, member
        if not self._closed:
            self._enter()

    def _enter(self) -> None:
        self._broadcast._subscriptions.add(self)
        self._broadcast._newcomers = True
        self.report_loss(self._loss)
        if self._sent_through is None:
            self._broadcast._with_ring.add(self)
        else:
            outlet, member = self._sent_through
            groups = self._broadcast._groups
            if outlet not in groups:
                groups[outlet] = outlet.group()
            groups[outlet].add(member)

    def _leave(self) -> None:
        self._broadcast._subscriptions.discard(self)
        self._broadcast._with_ring.discard(self)
        self._broadcast._losses.pop(self, None)
        if self._sent_through is not None:
            outlet, member = self._sent_through
            if outlet in self._broadcast._groups:
                self._broadcast._groups[outlet].discard(member)

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> EncodedPacket:
        while not self._ring:
            if self._closed:
                raise StopAsyncIteration
            self._ready.clear()
            await self._ready.wait()
        return self._ring.popleft()


class SubscriberTrack(MediaStreamTrack):
    """A channel as a MediaStreamTrack; one for each listener. Packets are passed on as they are,
    never encoded again.

    A connection stops its track when it ends, which also closes the subscription.
    """

    kind = "audio"

    def __init__(self, broadcast: Broadcast, ring_packets: int = RING_PACKETS) -> None:
        super().__init__()
        self._subscription = broadcast.subscribe(ring_packets)

    @property
    def dropped(self) -> int:
        """Packets dropped because the connection was too slow."""
        return self._subscription.dropped

    @property
    def broadcast(self) -> Broadcast:
        """The current channel."""
        return self._subscription.broadcast

    def select(self, broadcast: Broadcast) -> None:
        """Change to another channel, from its next packet on: same SSRC, rising timestamps."""
        self._subscription.select(broadcast)

    @property
    def loss(self) -> float:
        """The loss that was reported last."""
        return self._subscription.loss

    def report_loss(self, share: float) -> None:
        """The listener reports this share of its packets as lost; see Broadcast.loss."""
        self._subscription.report_loss(share)

    def send_through(self, outlet: Outlet, member: Any) -> None:
        """See Subscription."""
        self._subscription.send_through(outlet, member)

    async def recv(self) -> "Packet[Stream]":
        """The next packet. Raises MediaStreamError once the channel or the track is closed."""
        try:
            return (await anext(self._subscription)).packet
        except StopAsyncIteration:
            raise MediaStreamError("the channel is closed") from None

    def stop(self) -> None:
        """End the track and its subscription."""
        self._subscription.close()
        super().stop()
