"""One encoded packet, many listeners.

A channel's Broadcast hands each packet to every Subscription. A Subscription is a listener's
own short ring: when it is full the oldest packet is dropped and counted, so a slow listener
loses its own sound and nobody else's. One that was given to an Outlet has no ring: all
of those in a channel are sent each packet together.

All channels tick on one clock: packet n of every channel has RTP time 960 x n. So a listener
may move to another channel between two packets, and what it gets never jumps back.
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

#: Packets a listener may lag behind: 200 ms.
RING_PACKETS = 10


@dataclass(frozen=True, slots=True)
class EncodedPacket:
    """20 ms of a channel. ``packet`` is what aiortc sends; ``data`` the same Opus bytes."""

    tick: int
    data: bytes
    packet: "Packet[Stream]"


class Group(Protocol):
    """Those of a channel's listeners whom an outlet sends to."""

    def add(self, member: Any) -> None:
        """Send to ``member``, too."""

    def discard(self, member: Any) -> None:
        """Send to ``member`` no more."""

    def send(self, tick: int, data: bytes, begins_speech: bool) -> None:
        """A packet to all of them, marked where speech begins. Neither waits nor raises."""


class Outlet(Protocol):
    """Sends to many listeners at once."""

    def group(self) -> Group:
        """A new group, without members."""


class Broadcast:
    """One channel's packets, given to all who subscribe to it."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self._subscriptions: set[Subscription] = set()
        self._with_ring: set[Subscription] = set()
        self._groups: dict[Outlet, Group] = {}
        self._newcomers = False
        self._losses: dict[Subscription, float] = {}

    @property
    def listeners(self) -> int:
        """How many subscriptions there are."""
        return len(self._subscriptions)

    @property
    def loss(self) -> float:
        """The largest share of packets, 0 to 1, that one of the listeners says it loses, and has
        no help against but what is in the packets themselves."""
        return max(self._losses.values(), default=0.0)

    def publish(self, tick: int, data: bytes, begins_speech: bool = False) -> None:
        """Give one packet, made once, to every listener. ``begins_speech``: it is the first one
        of sound after silence that was not sent."""
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
        """Whether somebody came, from another channel or none, since this was asked last."""
        newcomers, self._newcomers = self._newcomers, False
        return newcomers

    def subscribe(self, ring_packets: int = RING_PACKETS) -> "Subscription":
        """A new subscription, which keeps at most ``ring_packets`` packets."""
        return Subscription(self, ring_packets)

    def close(self) -> None:
        """End every subscription: listeners' iterators stop."""
        for subscription in tuple(self._subscriptions):
            subscription.close()


class Subscription:
    """A listener's place in a channel: an async iterator of EncodedPacket.

    ``dropped`` counts the packets it was too slow for.
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
        """The channel that is heard now."""
        return self._broadcast

    def select(self, broadcast: Broadcast) -> None:
        """Hear another channel from its next packet on."""
        if not self._closed:
            self._leave()
            self._broadcast = broadcast
            self._enter()

    @property
    def loss(self) -> float:
        """What was reported last."""
        return self._loss

    def report_loss(self, share: float) -> None:
        """See Broadcast.loss."""
        self._loss = share
        self._broadcast._losses.pop(self, None)
        if share and not self._closed:
            self._broadcast._losses[self] = share

    def push(self, packet: EncodedPacket) -> None:
        """A packet of the channel. If the ring is full, its oldest packet is dropped."""
        if packet.tick <= self._last_tick:  # a clock that jumped back silences browsers
            self.dropped += 1
            return
        self._last_tick = packet.tick
        if len(self._ring) == self._ring_packets:
            self._ring.popleft()
            self.dropped += 1
        self._ring.append(packet)
        self._ready.set()

    def close(self) -> None:
        """Leave the channel. Whoever waits for a packet is told that there are no more."""
        self._closed = True
        self._leave()
        self._ring.clear()
        self._ready.set()

    def send_through(self, outlet: Outlet, member: Any) -> None:
        """Until closed, let ``outlet`` send every packet to its ``member`` with all others."""
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
    """A channel as a track, one for each listener: packets as they are, never encoded again.

    A connection stops its track when it ends; that ends the subscription too.
    """

    kind = "audio"

    def __init__(self, broadcast: Broadcast, ring_packets: int = RING_PACKETS) -> None:
        super().__init__()
        self._subscription = broadcast.subscribe(ring_packets)

    @property
    def dropped(self) -> int:
        """Packets the listener's connection was too slow for."""
        return self._subscription.dropped

    @property
    def broadcast(self) -> Broadcast:
        """The channel that is heard now."""
        return self._subscription.broadcast

    def select(self, broadcast: Broadcast) -> None:
        """Hear another channel from its next packet on: same SSRC, rising timestamps."""
        self._subscription.select(broadcast)

    @property
    def loss(self) -> float:
        """What was reported last."""
        return self._subscription.loss

    def report_loss(self, share: float) -> None:
        """The listener says that it loses this share of its packets; see Broadcast.loss."""
        self._subscription.report_loss(share)

    def send_through(self, outlet: Outlet, member: Any) -> None:
        """As Subscription's."""
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
