"""Listeners with packet loss: real connections over a network that loses packets."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from aiortc.rtp import RtcpSrPacket, RtpPacket

from server.demo import clip
from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.libopus import has_copy
from server.media.opus import RATE_HZ, TICK_S
from server.media.playout import StreamPlayout
from server.media.red import unpacked
from tests.helpers.waiting import until
from tests.helpers.webrtc import RED, Client, connected, with_red
from tools.impair import Network, Relay

#: Seconds from 1900, the epoch of NTP, to 1970.
NTP_EPOCH_S = 2_208_988_800


@dataclass
class Listening:
    """``answer``: what the server said. ``packets`` that came and ``reports``, each with the time
    when it did, in seconds since 1970; ``sent``: what the channel sent."""

    client: Client
    answer: str = ""
    sent: list[bytes] = field(default_factory=list)
    packets: list[tuple[float, RtpPacket]] = field(default_factory=list)
    reports: list[tuple[float, RtcpSrPacket]] = field(default_factory=list)

    def __post_init__(self) -> None:
        receiver: Any = self.client.transceiver.receiver
        receive_rtcp = receiver._handle_rtcp_packet

        async def rtp(data: bytes, arrival_time_ms: int) -> None:
            self.packets.append((time.time(), RtpPacket.parse(data)))

        async def rtcp(packet: Any) -> None:
            if isinstance(packet, RtcpSrPacket):
                self.reports.append((time.time(), packet))
            await receive_rtcp(packet)

        receiver.transport._handle_rtp_data = rtp
        receiver._handle_rtcp_packet = rtcp

    def missing(self) -> list[int]:
        """The missing sequence numbers between those that arrived."""
        came = {packet.sequence_number for _, packet in self.packets}
        return sorted(set(range(min(came), max(came))) - came) if came else []

    async def ask(self, sequences: list[int]) -> None:
        receiver: Any = self.client.transceiver.receiver
        await receiver._send_rtcp_nack(self.packets[0][1].ssrc, sequences)


@asynccontextmanager
async def listening(loss: float = 0.0, red: bool = False) -> AsyncIterator[Listening]:
    """A listener of a channel with 50 packets a second, over a network that loses packets."""
    channel, client = Broadcast("one"), Client("recvonly")
    listener = Listening(client)

    async def play() -> None:
        start = asyncio.get_running_loop().time()
        while True:
            tick = len(listener.sent)
            await asyncio.sleep(start + tick * TICK_S - asyncio.get_running_loop().time())
            listener.sent.append(b"opus-%d" % tick)
            channel.publish(tick, listener.sent[-1])

    with ExitStack() as stack:

        def through(sdp: str) -> str:
            port = int(re.findall(r"a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+)", sdp)[0])
            relay = Relay(("127.0.0.1", port), Network(), Network(loss=loss), seed=3)
            stack.enter_context(relay)
            return sdp.replace(f" {port} typ", f" {relay.address[1]} typ")

        async with connected(
            client,
            SubscriberTrack(channel),
            offered=with_red if red else lambda sdp: sdp,
            through=through,
        ) as peer:
            listener.answer = peer.sdp
            async with asyncio.timeout(60), asyncio.TaskGroup() as group:
                playing = group.create_task(play(), name="playing")
                yield listener
                playing.cancel()


async def test_lost_packets_are_retransmitted_on_request() -> None:
    async with listening(loss=0.15) as listener:
        await until(lambda: len(listener.missing()) >= 3)
        lost, asked_at = listener.missing(), 0.0
        while set(lost) & set(listener.missing()):  # a retransmission may be lost too
            if time.time() > asked_at + 0.1:
                asked_at = time.time()
                await listener.ask(listener.missing())
            await asyncio.sleep(0.005)
        came = sorted((packet for _, packet in listener.packets), key=lambda p: p.sequence_number)
    assert any(came[0].payload == payload for payload in listener.sent)
    times = {p.sequence_number: p.timestamp - p.sequence_number * 960 for p in came}
    assert len({at % 2**32 for at in times.values()}) == 1


async def test_sender_reports_say_what_was_sent_and_when() -> None:
    async with listening() as listener:
        await until(lambda: len(listener.reports) >= 1)
        await until(lambda: len(listener.packets) > listener.reports[0][1].sender_info.packet_count)
    said = listener.reports[0][1].sender_info
    first = [packet for _, packet in listener.packets][: said.packet_count]
    assert said.octet_count == sum(len(packet.payload) for packet in first)
    came_at, last = listener.packets[said.packet_count - 1]
    assert last.timestamp == said.rtp_timestamp
    sent_at = said.ntp_timestamp / 2**32 - NTP_EPOCH_S
    assert -0.05 < came_at - sent_at < 0.5


async def test_a_listener_with_loss_that_accepts_red_gets_it() -> None:
    async with listening(loss=0.1, red=True) as listener:
        await until(lambda: len(listener.missing()) >= 3)
        await listener.ask(listener.missing())
        before = len(listener.packets)
        await until(lambda: len(listener.packets) > before + 20)
        red = [packet for _, packet in listener.packets if packet.payload_type == RED]
    assert red and "red/48000" in listener.answer
    for packet in red[3:]:
        blocks = unpacked(packet.payload)
        assert [block.before for block in blocks] == [1920, 960, 0]
        at = listener.sent.index(blocks[-1].data)
        assert [block.data for block in blocks] == listener.sent[at - 2 : at + 1]


async def test_the_encoder_adds_copies_for_listeners_with_loss_and_without_red() -> None:
    playout, speech = StreamPlayout(), clip("nl")[: 3 * RATE_HZ]
    playout.set_status("en", "live")
    listener = SubscriberTrack(playout.channel("en"), queue_packets=200)
    playout.speak("en", 1, speech, RATE_HZ, 0, last=True)
    shares, sent = [], list[bytes]()
    for start in (0, 50):
        for tick in range(start, start + 50):
            playout.tick(tick)
        packets = [bytes(await listener.recv()) for _ in range(playout.counts.sent - len(sent))]
        sent += packets
        shares.append(np.mean([has_copy(data) for data in packets]))
        listener.report_loss(0.05)
    assert shares[0] == 0 and shares[1] > 0.5
