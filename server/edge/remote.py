"""Edges, and the connections they hold, as the main media process sees them.

A listener at an edge has its SubscriberTrack here like any other: so it is counted, changes
channel, and has the channel's encoder know of its losses. But its packets go to its edge, once
for all who hear the channel there, and from there to it.
"""

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from server.bus.edge_messages import (
    ChannelPacket,
    EdgeReport,
    Message,
    PeerOffer,
    PeerReport,
    PeerState,
    Routes,
)
from server.bus.protocol import Bus
from server.bus.supervisor import Supervisor
from server.media.broadcast import SubscriberTrack
from server.media.peer import OfferError, PeerGone
from server.metrics import Metrics

#: An answer takes some milliseconds of an edge's time, and a crowd's wait for one another.
ANSWER_S: Final = 3.0
NO_CHANNEL: Final = 0

_log = logging.getLogger(__name__)


class Edge:
    """One edge, the process of ``command``; sends to the listeners it holds (an Outlet).

    ``number`` tells it from others. ``peers``: the connections it holds or is to hold.
    """

    def __init__(
        self, number: int, bus: Bus[Message], command: Sequence[str], metrics: Metrics
    ) -> None:
        self.name = str(number)
        self.peers: dict[int, RemotePeer] = {}
        self.supervisor = Supervisor(command, self._lost, name=f"edge {number}")
        self._bus = bus
        self._metrics = metrics
        self._numbers = itertools.count(1)
        self._worker = ""
        self._hostile: Counter[str] = Counter()
        self._fan_out: Counter[str] = Counter()
        self._gauge(ready=0)

    @property
    def ready(self) -> bool:
        """Whether its process has told of itself lately."""
        return self.supervisor.ready

    async def run(self) -> None:
        """Keep the process alive and heed what it says, until cancelled; then end it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.supervisor.run(), name="edge-supervisor")
            group.create_task(self.dispatch(), name="edge-dispatch")

    async def answer(self, sdp: str, track: SubscriberTrack) -> "RemotePeer":
        """Have an offer answered there; once the connection is up it gets the track's packets.

        Raises OfferError; PeerGone when there is no answer in time.
        """
        number = next(self._numbers)
        peer = self.peers[number] = RemotePeer(self, number, track)
        with ExitStack() as undo:
            undo.callback(peer.leave)
            self._bus.publish(PeerOffer(peer=number, sdp=sdp))
            try:
                async with asyncio.timeout(ANSWER_S):
                    await peer.answered()
            except TimeoutError:
                raise PeerGone(f"no answer within {ANSWER_S:g} s") from None
            undo.pop_all()
        return peer

    def group(self) -> "_Channel":
        """For a channel, that no listener of this edge has heard before."""
        return _Channel(self._bus, next(self._numbers))

    def route(self, peer: "RemotePeer") -> None:
        """It hears its channel from the next packet on."""
        self._bus.publish(Routes(channels={peer.number: peer.channel}))

    def forget(self, peer: "RemotePeer") -> None:
        """The connection is to be closed."""
        if self.peers.pop(peer.number, None) is not None:
            self._bus.publish(Routes(channels={peer.number: None}))

    async def dispatch(self) -> None:
        """Heed what the edge says, for ever."""
        while True:
            message = await self._bus.receive()
            match message:
                case PeerState():
                    if peer := self.peers.get(message.peer):
                        peer.became(message)
                case EdgeReport():
                    self._heed(message)
                case _:
                    _log.warning("unexpected %s of an edge", type(message).__name__)

    def _heed(self, report: EdgeReport) -> None:
        self.supervisor.heard(report)
        for number, peer in list(self.peers.items()):
            peer.reported(report.peers.get(number))
        channels: dict[int, int | None] = {
            each.number: each.channel for each in self.peers.values()
        }
        self._bus.publish(Routes(channels=channels, all=True))
        self._note(report)

    def _note(self, report: EdgeReport) -> None:
        metrics = self._metrics
        if report.worker != self._worker:
            self._worker = report.worker
            self._hostile, self._fan_out = Counter(), Counter()
        hostile, fan_out = Counter(report.hostile), Counter(report.fan_out)
        metrics.hostile_counts.update(hostile - self._hostile)
        metrics.fan_out_counts.update(fan_out - self._fan_out)
        self._hostile, self._fan_out = hostile, fan_out
        self._gauge(
            ready=self.ready,
            listeners=len(self.peers),
            cpu_seconds=report.cpu_s,
            resident_bytes=report.rss_bytes,
            late_seconds=report.late_s,
        )
        own = {"to_edge": self._bus.dropped["out"], "from_edge": self._bus.dropped["in"]}
        for where, count in {**report.dropped, **own}.items():
            metrics.edge_dropped.labels(self.name, where).set(count)

    def _gauge(self, **values: float) -> None:
        for name, value in values.items():
            self._metrics.edges[name].labels(self.name).set(value)

    def _lost(self) -> None:
        """Its listeners may offer anew: another will answer."""
        self._gauge(ready=0, listeners=0, restarts=self.supervisor.restarts)
        for peer in list(self.peers.values()):
            peer.give_up("the server lost the process that held it")


class RemotePeer:
    """A listener's connection at an edge, as media.peer.Peer is one at this process. Whoever
    made it must close() it."""

    def __init__(self, edge: Edge, number: int, track: SubscriberTrack) -> None:
        self.sdp = ""
        self.heard_from = False
        self.number = number
        self.channel = NO_CHANNEL
        self._edge = edge
        self._track = track
        self._connected = False
        self._refused = ""
        self._gone: str | None = None
        self._changed = asyncio.Event()

    async def answered(self) -> None:
        """Wait for the answer's ``sdp``. Raises OfferError, PeerGone."""
        while not self.sdp:
            if self._refused:
                raise OfferError(self._refused)
            if self._gone is not None:
                raise PeerGone(self._gone)
            await self._change()

    async def connected(self) -> None:
        """As media.peer.Peer's."""
        while self._gone is None and not self._connected:
            await self._change()
        if self._gone is not None:
            raise PeerGone(self._gone)

    async def closed(self) -> str:
        """As media.peer.Peer's."""
        while self._gone is None:
            await self._change()
        return self._gone

    def give_up(self, reason: str) -> None:
        """Count it as gone."""
        if self._gone is None:
            self._gone = reason
        self._changed.set()

    async def close(self) -> None:
        """As media.peer.Peer's."""
        self.leave()

    def leave(self) -> None:
        """The edge closes it in its own time. May be called again."""
        self.give_up("closed by the server")
        self._track.stop()
        self._edge.forget(self)

    def hear(self, channel: int) -> None:
        """The edge sends it this channel's packets from now on."""
        self.channel = channel
        self._edge.route(self)

    # What its edge says of it.

    def became(self, state: PeerState) -> None:
        """Take note of what the edge says of this connection."""
        match state.state:
            case "answered":
                self.sdp = state.text
            case "refused":
                self._refused = state.text
            case "connected":
                self._come_up()
            case "gone":
                self.give_up(state.text)
        self._changed.set()

    def reported(self, report: PeerReport | None) -> None:
        """``report`` None: the edge does not know it, or not yet."""
        if report is None:
            if self.sdp:  # what said that it ended may have been lost
                self.give_up("the process that held it lost it")
            return
        self.heard_from = report.heard_from
        self._track.report_loss(report.loss)
        if report.connected:
            self._come_up()

    def _come_up(self) -> None:
        if not self._connected and self._gone is None:
            self._connected = self.heard_from = True
            self._track.send_through(self._edge, self)
            self._changed.set()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


class _Channel:
    """A channel's listeners at one edge (a Group)."""

    def __init__(self, bus: Bus[Message], number: int) -> None:
        self._bus = bus
        self._number = number
        self._members: set[RemotePeer] = set()

    def add(self, member: RemotePeer) -> None:
        self._members.add(member)
        member.hear(self._number)

    def discard(self, member: RemotePeer) -> None:
        self._members.discard(member)
        member.channel = NO_CHANNEL

    def send(self, tick: int, data: bytes, begins_speech: bool) -> None:
        if self._members:
            self._bus.publish(
                ChannelPacket(
                    channel=self._number, tick=tick, data=data, begins_speech=begins_speech
                )
            )


def with_fewest(edges: Sequence[Edge], here: int) -> Edge | None:
    """Of the edges that are ready, the one with the fewest connections; None where this process
    has fewer still: ``here``."""
    ready = [edge for edge in edges if edge.ready]
    fewest = min(ready, key=lambda edge: len(edge.peers), default=None)
    return fewest if fewest is not None and len(fewest.peers) <= here else None
