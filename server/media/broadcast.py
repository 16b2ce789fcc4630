"""One encoded packet for many listeners.

- A channel's Broadcast gives each packet to every SubscriberTrack. There is one for each listener.
- A track has a short queue. If it is full, the oldest packet is dropped and counted: a slow
  listener loses its own audio and nobody else's.
- A file has no gaps, so a track that writes one also gets the packets of silence that others are
  not sent.
- A track that sends through an Outlet has no queue. The outlet sends each packet to all of the
  channel's listeners together.
- All channels share one clock: packet n of every channel has the RTP timestamp 960 x n. So a
  listener can change channel between two packets, and its timestamps never go back.
"""

import asyncio
from collections import deque
from typing import Any, Protocol

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import Packet
from av.stream import Stream

from server.media.opus import SAMPLES_PER_TICK, TIME_BASE

__all__ = ["Broadcast", "MediaStreamError", "SubscriberTrack"]

#: Size of a track's queue: 200 ms.
QUEUE_PACKETS = 10


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
    """Gives one channel's packets to all its tracks."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self._tracks: set[SubscriberTrack] = set()
        self._queued: set[SubscriberTrack] = set()
        self._gapless: set[SubscriberTrack] = set()
        self._groups: dict[Outlet, Group] = {}
        self._losses: dict[SubscriberTrack, float] = {}
        self._newcomers = False

    @property
    def listeners(self) -> int:
        """The number of tracks."""
        return len(self._tracks)

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
        _push(self._queued, tick, data)

    def publish_silence(self, tick: int, data: bytes) -> int:
        """Give a packet that listeners are not sent to the tracks that want all packets. Returns
        their number."""
        _push(self._gapless, tick, data)
        return len(self._gapless)

    def take_newcomers(self) -> bool:
        """Whether a listener came (also from another channel) since the last call."""
        newcomers, self._newcomers = self._newcomers, False
        return newcomers

    def add(self, track: "SubscriberTrack") -> None:
        """Give the packets to ``track``, or to the outlet that it sends through."""
        self._tracks.add(track)
        self._newcomers = True
        self.note_loss(track)
        if track.outlet is None:
            self._queued.add(track)
            if track.gapless:
                self._gapless.add(track)
        else:
            if track.outlet not in self._groups:
                self._groups[track.outlet] = track.outlet.group()
            self._groups[track.outlet].add(track.member)

    def discard(self, track: "SubscriberTrack") -> None:
        """Give no more packets to ``track``."""
        self._tracks.discard(track)
        self._queued.discard(track)
        self._gapless.discard(track)
        self._losses.pop(track, None)
        if track.outlet in self._groups:
            self._groups[track.outlet].discard(track.member)

    def note_loss(self, track: "SubscriberTrack") -> None:
        """The loss of one of the tracks has changed."""
        if track.loss:
            self._losses[track] = track.loss
        else:
            self._losses.pop(track, None)

    def close(self) -> None:
        """Stop every track."""
        for track in tuple(self._tracks):
            track.stop()


def _push(tracks: set["SubscriberTrack"], tick: int, data: bytes) -> None:
    if tracks:
        packet = Packet(data)
        packet.pts = tick * SAMPLES_PER_TICK
        packet.time_base = TIME_BASE
        for track in tracks:
            track.push(packet)


class SubscriberTrack(MediaStreamTrack):
    """A channel as a MediaStreamTrack; one for each listener. Packets are passed on as they are,
    never encoded again.

    ``broadcast``: the current channel. ``outlet`` and ``member``: see send_through().
    ``dropped`` counts packets for which the queue was full, or that were out of order. ``loss``:
    the share of packets that was last reported as lost. ``gapless``: it also gets packets of
    silence.
    """

    kind = "audio"

    def __init__(
        self, broadcast: Broadcast, queue_packets: int = QUEUE_PACKETS, gapless: bool = False
    ) -> None:
        super().__init__()
        self.broadcast = broadcast
        self.gapless = gapless
        self.outlet: Outlet | None = None
        self.member: Any = None
        self.dropped = 0
        self.loss = 0.0
        self._queue: deque[Packet[Stream]] = deque()
        self._queue_packets = queue_packets
        self._last_pts = -1
        self._ready = asyncio.Event()
        broadcast.add(self)

    def select(self, broadcast: Broadcast) -> None:
        """Change to another channel, from its next packet on: same SSRC, rising timestamps."""
        if self.readyState == "live":
            self.broadcast.discard(self)
            self.broadcast = broadcast
            broadcast.add(self)

    def report_loss(self, share: float) -> None:
        """The listener reports this share of its packets as lost; see Broadcast.loss."""
        self.loss = share
        if self.readyState == "live":
            self.broadcast.note_loss(self)

    def send_through(self, outlet: Outlet, member: Any) -> None:
        """From now on ``outlet`` sends the packets to its ``member``; none is queued."""
        self._queue.clear()
        self.broadcast.discard(self)
        self.outlet, self.member = outlet, member
        if self.readyState == "live":
            self.broadcast.add(self)

    def push(self, packet: "Packet[Stream]") -> None:
        """Queue a packet. If the queue is full, its oldest packet is dropped."""
        assert packet.pts is not None
        if packet.pts <= self._last_pts:  # browsers go silent if timestamps go back
            self.dropped += 1
            return
        self._last_pts = packet.pts
        if len(self._queue) == self._queue_packets:
            self._queue.popleft()
            self.dropped += 1
        self._queue.append(packet)
        self._ready.set()

    async def recv(self) -> "Packet[Stream]":
        """The next packet. Raises MediaStreamError once the channel or the track is closed."""
        while not self._queue:
            if self.readyState == "ended":
                raise MediaStreamError("the channel is closed")
            self._ready.clear()
            await self._ready.wait()
        return self._queue.popleft()

    def taken(self) -> list["Packet[Stream]"]:
        """The packets that wait now, in place of ``recv``."""
        packets = list(self._queue)
        self._queue.clear()
        return packets

    def stop(self) -> None:
        """Leave the channel. A connection stops its track when it ends."""
        super().stop()
        self.broadcast.discard(self)
        self.outlet = self.member = None
        self._queue.clear()
        self._ready.set()
