"""An edge process: answers listeners' offers, holds their connections, and sends them the packets
that the main media process encoded.

- It has no 20 ms clock. A packet is sent when it arrives; its tick gives its RTP timestamp. A
  packet with LATE_S more delay than the fastest one so far is dropped, so that late packets are
  not sent in a burst.
- The main process decides which connections exist and which channel each hears. It answers every
  report with the complete table, which repairs what a lost message left wrong.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from server.bus.edge_messages import (
    ChannelPacket,
    EdgeReport,
    Message,
    PeerOffer,
    PeerReport,
    PeerRestart,
    PeerState,
    PeerStateName,
    Routes,
)
from server.bus.protocol import Bus, BusClosed
from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.opus import TICK_S
from server.media.peer import Peer, PeerGone, answer
from server.media.plane import MediaPlane
from server.process import described, on_sigterm, rss_bytes

REPORT_S: Final = 0.5
LATE_S: Final = 0.1

_log = logging.getLogger(__name__)


async def run(bus: Bus[Message], plane: MediaPlane) -> None:
    """Serve until the bus closes, or on SIGTERM."""
    worker = EdgeWorker(bus, plane)
    with on_sigterm(worker.stop):
        await worker.run()


@dataclass(slots=True)
class _Listener:
    track: SubscriberTrack
    task: asyncio.Task[None]
    peer: Peer | None = None
    connected: bool = False


class _Done(Exception):
    """Raised to end the task group."""


class EdgeWorker:
    """``clock`` is a parameter for tests."""

    def __init__(
        self, bus: Bus[Message], plane: MediaPlane, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.late = 0
        self._bus = bus
        self._plane = plane
        self._clock = clock
        self._name = f"{socket.gethostname()}-{os.getpid()}"
        self._listeners: dict[int, _Listener] = {}
        self._channels: dict[int, Broadcast] = {}
        self._nothing = Broadcast()
        self._quickest_s = float("inf")
        self._late_s = 0.0
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Let ``run`` return."""
        self._stopped.set()

    async def run(self) -> None:
        """Serve until stopped or the bus is closed."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._report(), name="report")
                group.create_task(self._stop(), name="stop")
                while True:
                    self._dispatch(await self._bus.receive(), group)
        except* (_Done, BusClosed):
            pass

    async def _stop(self) -> None:
        await self._stopped.wait()
        raise _Done

    async def _report(self) -> None:
        while True:
            for number, channel in list(self._channels.items()):
                if not channel.listeners:
                    del self._channels[number]
            self._bus.publish(self._said())
            self._late_s = 0.0
            await asyncio.sleep(REPORT_S)

    def _said(self) -> EdgeReport:
        return EdgeReport(
            stream="",
            epoch=0,
            worker=self._name,
            ready=True,
            dropped={"late": self.late, **self._bus.dropped},
            cpu_s=time.process_time(),
            rss_bytes=rss_bytes(),
            peers={
                number: PeerReport(
                    connected=each.connected,
                    heard_from=each.peer is not None and each.peer.heard_from,
                    loss=each.track.loss,
                )
                for number, each in self._listeners.items()
            },
            hostile=dict(self._plane.dropped),
            fan_out=dict(self._plane.fan_out.counts),
            late_s=self._late_s,
        )

    def _dispatch(self, message: Message, group: asyncio.TaskGroup) -> None:
        match message:
            case ChannelPacket():
                self._play(message)
            case PeerOffer():
                self._take_in(message, group)
            case PeerRestart():
                group.create_task(self._restart(message), name="restart")
            case Routes():
                self._route(message)
            case _:
                _log.warning("unexpected %s from the server", type(message).__name__)

    def _take_in(self, offer: PeerOffer, group: asyncio.TaskGroup) -> None:
        track = SubscriberTrack(self._nothing)
        task = group.create_task(self._serve(offer, track), name="peer")
        self._listeners[offer.peer] = _Listener(track, task)
        task.add_done_callback(lambda _: self._ended(offer.peer))

    def _ended(self, number: int) -> None:
        self._listeners.pop(number).track.stop()

    def _play(self, packet: ChannelPacket) -> None:
        after_s = self._clock() - packet.tick * TICK_S
        self._quickest_s = min(self._quickest_s, after_s)
        late_s = after_s - self._quickest_s
        self._late_s = max(self._late_s, late_s)
        if late_s > LATE_S:
            self.late += 1
        elif channel := self._channels.get(packet.channel):
            channel.publish(packet.tick, packet.data, packet.begins_speech)

    def _route(self, routes: Routes) -> None:
        for number, wanted in routes.channels.items():
            if listener := self._listeners.get(number):
                if wanted is None:
                    listener.task.cancel()
                elif listener.track.broadcast is not (channel := self._channel(wanted)):
                    listener.track.select(channel)
        if routes.all:
            for number, listener in self._listeners.items():
                if listener.connected and number not in routes.channels:
                    listener.task.cancel()

    def _channel(self, number: int) -> Broadcast:
        if not number:
            return self._nothing
        return self._channels.setdefault(number, Broadcast())

    async def _serve(self, offer: PeerOffer, track: SubscriberTrack) -> None:
        """Hold a connection until it ends. Every error in it is handled here."""
        try:
            reason = await self._stay(offer, track)
        except PeerGone as gone:
            self._tell(offer.peer, "gone", str(gone))
        except Exception as error:  # noqa: BLE001  any bug ends this session only
            _log.error("a listener's connection failed: %s", described(error))
            self._tell(offer.peer, "gone", "an error in the server")
        else:
            self._tell(offer.peer, "gone", reason)

    async def _restart(self, restart: PeerRestart) -> None:
        listener = self._listeners.get(restart.peer)
        if listener is not None and listener.peer is not None:
            try:
                answer = await listener.peer.restart(restart.username, restart.password)
            except PeerGone:
                return  # which is told anyway
            self._tell(restart.peer, "restarted", answer)

    async def _stay(self, offer: PeerOffer, track: SubscriberTrack) -> str:
        """Hold it; returns why it ended. Raises PeerGone."""
        peer = await answer(offer.sdp, self._plane, send=track)
        listener = self._listeners[offer.peer]
        listener.peer = peer
        try:
            self._tell(offer.peer, "answered", peer.sdp)
            await peer.connected()
            listener.connected = True
            self._tell(offer.peer, "connected")
            return await peer.closed()
        finally:
            await peer.close()

    def _tell(self, peer: int, state: PeerStateName, text: str = "") -> None:
        self._bus.publish(PeerState(peer=peer, state=state, text=text))
