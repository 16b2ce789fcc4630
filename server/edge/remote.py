"""Edges and their connections, as the main media process sees them.

A listener at an edge has a SubscriberTrack in the main process, as any other listener: with it,
the listener is counted, changes channel, and reports its packet loss to the channel's encoder. Its
packets take another way: each packet of a channel is sent once to the edge, and the edge sends it
to all listeners of the channel there.
"""

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from server.bus import edge_messages as messages
from server.bus.protocol import Bus
from server.bus.supervisor import Limits, Supervisor
from server.media.broadcast import SubscriberTrack
from server.media.peer import PeerGone
from server.metrics import Metrics

#: Time limit for an edge's answer to an offer. One takes it some milliseconds, but those of a
#: crowd wait for each other.
ANSWER_S: Final = 3.0
NO_CHANNEL: Final = 0
LIMITS: Final = Limits(silence_s=2.0)

_log = logging.getLogger(__name__)


class Edge:
    """One edge: the process that ``command`` starts. Sends to its listeners (an Outlet).

    ``number`` identifies it. ``peers``: its connections, and those it was asked to make.
    """

    def __init__(
        self, number: int, bus: Bus[messages.Message], command: Sequence[str], metrics: Metrics
    ) -> None:
        self.name = str(number)
        self.peers: dict[int, RemotePeer] = {}
        self.supervisor = Supervisor(command, self._lost, LIMITS, f"edge {number}")
        self._bus = bus
        self._metrics = metrics
        self._numbers = itertools.count(1)
        self._worker = ""
        self._hostile: Counter[str] = Counter()
        self._fan_out: Counter[str] = Counter()
        self._gauge(ready=0)

    @property
    def ready(self) -> bool:
        """Whether its process has reported lately."""
        return self.supervisor.ready

    async def run(self) -> None:
        """Keep the process alive and handle its messages until cancelled; then end it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.supervisor.run(), name="edge-supervisor")
            group.create_task(self.dispatch(), name="edge-dispatch")

    async def answer(self, sdp: str, track: SubscriberTrack) -> "RemotePeer":
        """Have the edge answer an offer. Once connected, the listener gets the track's packets.

        Raises PeerGone, also if there is no answer in time.
        """
        number = next(self._numbers)
        peer = self.peers[number] = RemotePeer(self, number, track)
        with ExitStack() as undo:
            undo.callback(peer.leave)
            self._bus.publish(messages.PeerOffer(peer=number, sdp=sdp))
            try:
                async with asyncio.timeout(ANSWER_S):
                    await peer.answered()
            except TimeoutError:
                raise PeerGone(f"no answer within {ANSWER_S:g} s") from None
            undo.pop_all()
        return peer

    async def restart(self, peer: "RemotePeer", username: str, password: str) -> str:
        """Have the edge restart ICE. Returns its SDP fragment. Raises PeerGone if none comes."""
        restarted: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        peer.restarting = restarted
        self._bus.publish(
            messages.PeerRestart(peer=peer.number, username=username, password=password)
        )
        try:
            async with asyncio.timeout(ANSWER_S):
                return await restarted
        except TimeoutError:
            raise PeerGone(f"no answer within {ANSWER_S:g} s") from None

    def group(self) -> "_Channel":
        """A new group, for a channel that no listener of this edge has heard before."""
        return _Channel(self._bus, next(self._numbers))

    def route(self, peer: "RemotePeer") -> None:
        """Tell the edge which channel the peer hears from the next packet on."""
        self._bus.publish(messages.Routes(channels={peer.number: peer.channel}))

    def forget(self, peer: "RemotePeer") -> None:
        """Tell the edge to close the connection."""
        if self.peers.pop(peer.number, None) is not None:
            self._bus.publish(messages.Routes(channels={peer.number: None}))

    async def dispatch(self) -> None:
        """Handle the edge's messages until cancelled."""
        while True:
            message = await self._bus.receive()
            match message:
                case messages.PeerState():
                    if peer := self.peers.get(message.peer):
                        peer.became(message)
                case messages.EdgeReport():
                    self._heed(message)
                case _:
                    _log.warning("unexpected %s from edge %s", type(message).__name__, self.name)

    def _heed(self, report: messages.EdgeReport) -> None:
        self.supervisor.heard(report)
        for number, peer in list(self.peers.items()):
            peer.reported(report.peers.get(number))
        channels: dict[int, int | None] = {
            each.number: each.channel for each in self.peers.values()
        }
        self._bus.publish(messages.Routes(channels=channels, all=True))
        self._note(report)

    def _note(self, report: messages.EdgeReport) -> None:
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
        """The process died. Its listeners are told, and may send a new offer: another process
        will answer."""
        self._gauge(ready=0, listeners=0, restarts=self.supervisor.restarts)
        for peer in list(self.peers.values()):
            peer.give_up("the server lost the process that held it")


class RemotePeer:
    """A listener's connection at an edge: the counterpart of media.peer.Peer, which is one in this
    process. Whoever made it must close() it."""

    def __init__(self, edge: Edge, number: int, track: SubscriberTrack) -> None:
        self.sdp = ""
        self.heard_from = False
        self.number = number
        self.channel = NO_CHANNEL
        self._edge = edge
        self._track = track
        self._connected = False
        self.restarting: asyncio.Future[str] | None = None
        self._gone: str | None = None
        self._changed = asyncio.Event()

    async def answered(self) -> None:
        """Wait until ``sdp`` is the answer. Raises PeerGone."""
        while not self.sdp:
            if self._gone is not None:
                raise PeerGone(self._gone)
            await self._change()

    async def connected(self) -> None:
        """See Peer.connected."""
        while self._gone is None and not self._connected:
            await self._change()
        if self._gone is not None:
            raise PeerGone(self._gone)

    async def closed(self) -> str:
        """See Peer.closed."""
        while self._gone is None:
            await self._change()
        return self._gone

    async def restart(self, username: str, password: str) -> str:
        """See Peer.restart."""
        if self._gone is not None:
            raise PeerGone(self._gone)
        return await self._edge.restart(self, username, password)

    def give_up(self, reason: str) -> None:
        """Count the connection as gone."""
        if self._gone is None:
            self._gone = reason
        self._changed.set()

    async def close(self) -> None:
        """See Peer.close."""
        self.leave()

    def leave(self) -> None:
        """Have the edge close the connection, without waiting for it. May be called again."""
        self.give_up("closed by the server")
        self._track.stop()
        self._edge.forget(self)

    def hear(self, channel: int) -> None:
        """Have the edge send it this channel's packets from now on."""
        self.channel = channel
        self._edge.route(self)

    # What the edge reports of this connection.

    def became(self, state: messages.PeerState) -> None:
        """Handle a change of state."""
        match state.state:
            case "answered":
                self.sdp = state.text
            case "connected":
                self._come_up()
            case "restarted":
                if self.restarting is not None and not self.restarting.done():
                    self.restarting.set_result(state.text)
            case "gone":
                self.give_up(state.text)
        self._changed.set()

    def reported(self, report: messages.PeerReport | None) -> None:
        """Handle its part of a report; None: the edge does not know this connection (yet)."""
        if report is None:
            if self.sdp:  # the message that it ended may have been lost
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
    """The listeners of one channel at one edge (a Group)."""

    def __init__(self, bus: Bus[messages.Message], number: int) -> None:
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
                messages.ChannelPacket(
                    channel=self._number, tick=tick, data=data, begins_speech=begins_speech
                )
            )


def with_fewest(edges: Sequence[Edge], here: int) -> Edge | None:
    """The ready edge with the fewest connections. None if this process, which has ``here``, has
    fewer, or if no edge is ready."""
    ready = [edge for edge in edges if edge.ready]
    fewest = min(ready, key=lambda edge: len(edge.peers), default=None)
    return fewest if fewest is not None and len(fewest.peers) <= here else None
