"""An edge and the main process's side of it in one process, with a real bus and connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiortc.rtp import RtpPacket

from server.bus.edge_messages import ChannelPacket, Message, PeerState, decode
from server.bus.local import LocalBus
from server.edge import remote, worker
from server.edge.remote import Edge, RemotePeer
from server.edge.worker import EdgeWorker
from server.media import peer as media_peer
from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.opus import SAMPLES_PER_TICK, TICK_S
from server.media.peer import PeerGone
from server.media.plane import MediaPlane
from server.metrics import Metrics
from tests.helpers.waiting import until
from tests.helpers.webrtc import Client


class Losing:
    """A bus that notes published messages. While ``loses`` it loses them; while ``loses_ends`` it
    loses those about ended connections."""

    def __init__(self, bus: LocalBus[Message]) -> None:
        self._bus = bus
        self.loses = self.loses_ends = False
        self.published: list[Message] = []

    @property
    def dropped(self) -> dict[str, int]:
        return self._bus.dropped

    async def receive(self) -> Message:
        return await self._bus.receive()

    def publish(self, message: Message) -> None:
        self.published.append(message)
        ends = isinstance(message, PeerState) and message.state == "gone"
        if not self.loses and not (ends and self.loses_ends):
            self._bus.publish(message)


class Ear:
    """A listener's end of the connection. ``packets``: those received."""

    def __init__(self) -> None:
        self.client = Client("recvonly")
        self.packets: list[RtpPacket] = []
        receiver: Any = self.client.transceiver.receiver
        receiver.transport._handle_rtp_data = self._take

    async def _take(self, data: bytes, arrival_time_ms: int) -> None:
        self.packets.append(RtpPacket.parse(data))

    @property
    def heard(self) -> list[str]:
        return [packet.payload.decode() for packet in self.packets]

    async def miss(self, count: int) -> None:
        """Report this number of packets as lost."""
        receiver: Any = self.client.transceiver.receiver
        last = self.packets[-1].sequence_number
        lost = [(last - each) % 2**16 for each in reversed(range(count))]
        await receiver._send_rtcp_nack(self.packets[0].ssrc, lost)


class Hall:
    """An edge with a simulated clock, and two channels that only its listeners hear."""

    def __init__(self, main: LocalBus[Message], far: LocalBus[Message]) -> None:
        self.bus, self.far = Losing(main), Losing(far)
        self.metrics, self.plane = Metrics(), MediaPlane()
        self.edge = Edge(1, self.bus, ["true"], self.metrics)
        self.worker = EdgeWorker(self.far, self.plane, lambda: self.now_s)
        self.one, self.other = Broadcast("one"), Broadcast("other")
        self.now_s, self.tick = 0.0, 0
        self.stack = AsyncExitStack()

    async def listener(self) -> tuple[Ear, RemotePeer, SubscriberTrack]:
        """A listener of channel one."""
        ear, track = Ear(), SubscriberTrack(self.one)
        self.stack.push_async_callback(ear.client.close)
        peer = await self.edge.answer(await ear.client.offer(), track)
        await ear.client.take(peer.sdp)
        await peer.connected()
        await until(lambda: self.plane.fan_out.listeners > 0)
        return ear, peer, track

    def play(self, count: int) -> None:
        for _ in range(count):
            self.tick += 1
            for channel in (self.one, self.other):
                channel.publish(self.tick, f"{channel.name} {self.tick}".encode())

    async def hear(self, ear: Ear, count: int) -> None:
        """Play ticks until the listener has received ``count`` more packets."""
        wanted = len(ear.packets) + count
        while len(ear.packets) < wanted:
            self.now_s = (self.tick + 1) * TICK_S
            self.play(1)
            await asyncio.sleep(0.01)

    def played(self) -> set[int]:
        """The channels whose packets were sent to the edge since the last call."""
        channels = {each.channel for each in self.bus.published if isinstance(each, ChannelPacket)}
        self.bus.published.clear()
        return channels


@pytest.fixture
async def hall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hall]:
    monkeypatch.setattr(worker, "REPORT_S", 0.05)
    path = tmp_path / "bus"
    async with LocalBus.listen(path, decode) as main, LocalBus.connect(path, decode) as far:
        hall = Hall(main, far)
        async with asyncio.timeout(30), hall.stack, asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(hall.edge.dispatch(), name="dispatch"),
                group.create_task(hall.worker.run(), name="edge"),
            ]
            yield hall
            for task in tasks:
                task.cancel()


async def test_a_listener_changes_channel_without_a_gap(hall: Hall) -> None:
    ear, _, track = await hall.listener()
    await hall.hear(ear, 5)
    track.select(hall.other)
    await hall.hear(ear, 5)
    channels = [each.split()[0] for each in ear.heard]
    assert channels == sorted(channels) and set(channels) == {"one", "other"}
    first = ear.packets[0]
    began = int(first.payload.split()[1])
    for number, packet in enumerate(ear.packets):
        ticks = int(packet.payload.split()[1]) - began
        assert ticks == number
        assert packet.ssrc == first.ssrc
        assert (packet.sequence_number - first.sequence_number) % 2**16 == number
        assert (packet.timestamp - first.timestamp) % 2**32 == ticks * SAMPLES_PER_TICK


async def test_an_edge_gets_only_the_packets_of_channels_heard_there(hall: Hall) -> None:
    ear, peer, track = await hall.listener()
    hall.played()
    await hall.hear(ear, 2)
    before = hall.played()
    track.select(hall.other)
    await hall.hear(ear, 2)
    after = hall.played()
    await peer.close()
    hall.play(2)
    assert (len(before), len(after), hall.played()) == (1, 1, set())
    assert before != after


async def test_the_channels_encoder_is_told_of_losses_at_an_edge(hall: Hall) -> None:
    ear, _, track = await hall.listener()
    await hall.hear(ear, 10)
    await ear.miss(10)
    await until(lambda: hall.one.loss > 0.05)
    track.select(hall.other)
    assert hall.one.loss == 0 and hall.other.loss > 0.05
    await until(lambda: hall.metrics.fan_out_counts["sent_again"] > 0)


async def test_late_packets_are_dropped_and_timestamps_go_on(hall: Hall) -> None:
    ear, _, _ = await hall.listener()
    await hall.hear(ear, 3)
    hall.now_s += 0.5
    hall.play(5)
    await until(lambda: hall.worker.late == 5)
    hall.now_s = hall.tick * TICK_S
    await hall.hear(ear, 3)
    ticks = [int(each.split()[1]) for each in ear.heard]
    assert ticks[3] - ticks[2] == 6
    assert ear.packets[3].sequence_number == (ear.packets[2].sequence_number + 1) % 2**16


async def test_a_fault_ends_one_connection_only(hall: Hall) -> None:
    with pytest.raises(PeerGone, match="error in the server"):
        await hall.edge.answer("nonsense", SubscriberTrack(hall.one))
    assert not hall.edge.peers and hall.one.listeners == 0


async def test_a_listener_without_an_answer_in_time_is_told(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "ANSWER_S", 0.05)
    hall.bus.loses = True
    with pytest.raises(PeerGone, match="no answer"):
        await hall.edge.answer("v=0", SubscriberTrack(hall.one))
    assert not hall.edge.peers and hall.one.listeners == 0


async def test_lost_messages_are_compensated(hall: Hall) -> None:
    ear, peer, track = await hall.listener()
    await hall.hear(ear, 1)
    hall.bus.loses = True
    track.select(hall.other)
    hall.bus.loses = False
    while not ear.heard[-1].startswith("other"):
        await hall.hear(ear, 1)
    hall.bus.loses = True
    await peer.close()
    hall.bus.loses = False
    await until(lambda: not hall.plane.peers)


async def test_a_listener_that_never_connected_is_given_up_even_if_the_message_was_lost(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_peer, "CONNECT_S", 0.1)
    client = Client("recvonly")
    hall.stack.push_async_callback(client.close)
    hall.far.loses_ends = True
    peer = await hall.edge.answer(await client.offer(), SubscriberTrack(hall.one))
    async with asyncio.timeout(5):
        assert "lost it" in await peer.closed()


async def test_a_listener_that_leaves_is_removed_on_both_sides(hall: Hall) -> None:
    ear, peer, _ = await hall.listener()
    await hall.hear(ear, 1)
    await ear.client.close()
    async with asyncio.timeout(5):
        assert "closed" in await peer.closed()
    await peer.close()
    assert not hall.edge.peers and hall.one.listeners == 0


async def test_an_edge_ends_with_its_bus(hall: Hall, tmp_path: Path) -> None:
    path = tmp_path / "another"

    async def edge() -> None:
        async with LocalBus.connect(path, decode) as far:
            await EdgeWorker(far, hall.plane).run()

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        async with LocalBus.listen(path, decode) as main:
            group.create_task(edge(), name="another-edge")
            await main.receive()
