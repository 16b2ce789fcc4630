"""One encoded packet, many listeners.

A channel's Broadcast hands each packet to every Subscription. A Subscription is a listener's
own short ring: when it is full the oldest packet is dropped and counted, so a slow listener
loses its own sound and nobody else's.

All channels tick on one clock: packet n of every channel has RTP time 960 x n. So a listener
may move to another channel between two packets, and what it gets never jumps back.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

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


class Broadcast:
    """One channel's packets, given to all who subscribe to it."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self._subscriptions: set[Subscription] = set()

    @property
    def listeners(self) -> int:
        return len(self._subscriptions)

    def publish(self, tick: int, data: bytes) -> None:
        """Give one packet, made once, to every listener."""
        packet = Packet(data)
        packet.pts = tick * SAMPLES_PER_TICK
        packet.time_base = TIME_BASE
        encoded = EncodedPacket(tick, data, packet)
        for subscription in self._subscriptions:
            subscription.push(encoded)

    def subscribe(self, ring_packets: int = RING_PACKETS) -> "Subscription":
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
        self._sink: Callable[[EncodedPacket], None] | None = None
        self._closed = False
        self._broadcast = broadcast
        broadcast._subscriptions.add(self)

    @property
    def broadcast(self) -> Broadcast:
        return self._broadcast

    def select(self, broadcast: Broadcast) -> None:
        """Hear another channel from its next packet on."""
        if not self._closed:
            self._broadcast._subscriptions.discard(self)
            self._broadcast = broadcast
            broadcast._subscriptions.add(self)

    def push(self, packet: EncodedPacket) -> None:
        if packet.tick <= self._last_tick:  # a clock that jumped back silences browsers
            self.dropped += 1
            return
        self._last_tick = packet.tick
        if self._sink is not None:
            self._sink(packet)
            return
        if len(self._ring) == self._ring_packets:
            self._ring.popleft()
            self.dropped += 1
        self._ring.append(packet)
        self._ready.set()

    def close(self) -> None:
        """Leave the channel. Whoever waits for a packet is told that there are no more."""
        self._closed = True
        self._broadcast._subscriptions.discard(self)
        self._ring.clear()
        self._ready.set()

    async def hand_over(self, sink: Callable[[EncodedPacket], None]) -> None:
        """Until closed, give every packet to ``sink`` the moment it is published. ``sink`` must
        neither wait nor raise: whoever publishes does so for all listeners."""
        self._ring.clear()
        self._sink = sink
        try:
            while not self._closed:
                self._ready.clear()
                await self._ready.wait()
        finally:
            self._sink = None

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
    """What aiortc sends to one listener: packets as they are, never encoded again.

    aiortc stops the track when its connection ends; that ends the subscription too.
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
        return self._subscription.broadcast

    def select(self, broadcast: Broadcast) -> None:
        """Hear another channel from its next packet on: same SSRC, rising timestamps."""
        self._subscription.select(broadcast)

    def count_dropped(self) -> None:
        """A packet got no further than here."""
        self._subscription.dropped += 1

    async def hand_over(self, sink: Callable[[EncodedPacket], None]) -> None:
        """As Subscription's; ends when the track is stopped or the channel closed."""
        await self._subscription.hand_over(sink)

    async def recv(self) -> "Packet[Stream]":
        """The next packet. Raises MediaStreamError once the channel or the track is closed."""
        try:
            return (await anext(self._subscription)).packet
        except StopAsyncIteration:
            raise MediaStreamError("the channel is closed") from None

    def stop(self) -> None:
        self._subscription.close()
        super().stop()
