"""All streams with listeners at an edge: gives them what their hubs say, and looks after them once
a second.

A link notices after 1.6 s that its hub is gone, as NATS may stand still for a moment. That NATS
itself is gone is known at once; it may be back at once, too, at another of its servers.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Protocol

from server.bus.hub_messages import Announced, ChannelAt, Packet, Told, Wants
from server.media.pacer import Pacer
from server.media.relayed import Timeline
from server.metrics import Metrics
from server.models.current import Current
from server.process import logged
from server.streams.channel_names import channels
from server.streams.registry import ConnectionManager, Stream
from server.streams.relayed_stream import RelayedStream
from signaling.messages import State

REFRESH_S = 1.0
#: How often to look whether NATS is there. After so many looks without it, listeners are told.
LOOK_S = 0.1
GONE_LOOKS = 4


class Hubs(Protocol):
    """The hubs: see ``server.cluster.origins``."""

    on_message: Callable[[str, Told], None]
    on_packet: Callable[[ChannelAt, Packet], None]
    on_lost: Callable[[str], None]
    up: Callable[[], bool]

    @property
    def names(self) -> list[str]:
        """The hubs that are there."""

    @property
    def streams(self) -> Mapping[str, Announced]:
        """The streams of all hubs."""

    @property
    def dropped(self) -> Mapping[str, int]:
        """Messages dropped so far."""

    def want(self, wants: Wants) -> None:
        """Ask for what listeners of a stream want."""


class RelayedStreams:
    """Makes a RelayedStream for each stream that somebody joins, and removes it with the stream
    (a Streams). ``counts``: what was dropped, by reason."""

    def __init__(
        self,
        manager: ConnectionManager,
        hubs: Hubs,
        models: Current,
        pacer: Pacer,
        metrics: Metrics,
    ) -> None:
        self.counts = Counter[str]()
        self._manager = manager
        self._hubs = hubs
        self._models = models
        self._pacer = pacer
        self._metrics = metrics
        self._streams: dict[str, RelayedStream] = {}
        self._timelines: dict[tuple[str, str], Timeline] = {}  # by hub and stream
        self._cut_off = False
        hubs.on_message = self._received
        hubs.on_packet = self._play
        hubs.on_lost = self._lost

    def __iter__(self) -> Iterator[RelayedStream]:
        return iter(list(self._streams.values()))

    def of(self, stream: Stream) -> RelayedStream:
        """See Streams."""
        relayed = self._streams.get(stream.id)
        if relayed is None:
            relayed = RelayedStream(stream, self._models, self.counts, self._hubs.want)
            if state := self.state(stream.id):
                relayed.expect(state)
            self._streams[stream.id] = relayed
            self._pacer.add(relayed.playout)
        return relayed

    def state(self, stream_id: str) -> State | None:
        """See Streams. Of one that nobody hears here, as far as hubs say it to all."""
        if relayed := self._streams.get(stream_id):
            return relayed.state
        if (at_hub := self._hubs.streams.get(stream_id)) is None:
            return None
        return State(
            state="waiting" if self._cut_off and at_hub.state != "ended" else at_hub.state,
            source=at_hub.source,
            channels=channels(self._models.catalogue.targets(at_hub.source or "")),
        )

    def models_changed(self) -> None:
        """Other languages can be heard from now on: tell everybody."""
        for relayed in self:
            relayed.notices.announce(relayed.state)

    async def keep_house(self) -> None:
        """Once a second, until cancelled: repeat what is wanted, remove empty streams, set
        gauges."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += REFRESH_S
            await asyncio.sleep(due - loop.time())
            self._metrics.loop_lag.set(max(0.0, loop.time() - due))
            due = max(due, loop.time() - REFRESH_S)
            self._manager.expire(loop.time(), self._removed)
            for relayed in self:
                with logged(f"stream {relayed.stream.id}"):
                    relayed.refresh()
            self._keep_timelines(self._hubs.names)
            self._gauge()

    async def watch(self) -> None:
        """Until cancelled: tell listeners to wait while NATS is gone, and nothing can come."""
        missed = 0
        while True:
            missed = 0 if self._hubs.up() else missed + 1
            self._cut_off = missed >= GONE_LOOKS
            if missed == GONE_LOOKS:
                for relayed in self:
                    relayed.cut_off()
            await asyncio.sleep(LOOK_S)

    def _received(self, hub: str, message: Told) -> None:
        if relayed := self._streams.get(message.stream):
            with logged(f"stream {message.stream}"):
                relayed.receive(hub, message)

    def _play(self, channel: ChannelAt, packet: Packet) -> None:
        if relayed := self._streams.get(channel.stream):
            timeline = self._timelines.setdefault((channel.hub, channel.stream), Timeline())
            relayed.play(timeline, channel.channel, packet)

    def _lost(self, stream_id: str) -> None:
        if relayed := self._streams.get(stream_id):
            relayed.lost()

    def _removed(self, stream: Stream) -> None:
        if gone := self._streams.pop(stream.id, None):
            self._pacer.remove(gone.playout)
            gone.close()

    def _keep_timelines(self, hubs: Collection[str]) -> None:
        self._timelines = {
            (hub, stream): each
            for (hub, stream), each in self._timelines.items()
            if hub in hubs and stream in self._streams
        }

    def _gauge(self) -> None:
        metrics, streams = self._metrics, self._manager.streams.values()
        metrics.streams.set(len(streams))
        metrics.listeners.set(sum(len(each.listeners) for each in streams))
        metrics.ticks_skipped.set(self._pacer.skipped)
        metrics.ticks_failed.set(self._pacer.failed)
        for reason, count in metrics.hostile_counts.items():
            metrics.hostile.labels(reason).set(count)
        dropped = Counter(self._hubs.dropped)
        dropped.update(self.counts)
        for where, count in dropped.items():
            metrics.bus_dropped.labels(where).set(count)
