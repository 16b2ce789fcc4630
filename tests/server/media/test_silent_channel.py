"""A silent channel over real connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from aiortc.rtp import AnyRtcpPacket, RtcpSrPacket, RtpPacket

from server.media import fanout
from server.media.broadcast import SubscriberTrack
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, TICK_S
from server.media.pacer import Pacer
from server.media.playout import StreamPlayout
from tests.helpers.waiting import until
from tests.helpers.webrtc import Client, connected, tone

#: The number of packets to wait for in silence, with the first.
IN_SILENCE = 4


@asynccontextmanager
async def long_silent(channel: str) -> AsyncIterator[tuple[StreamPlayout, Pacer]]:
    """A stream in which nobody has spoken for some time."""
    pacer, playout = Pacer(), StreamPlayout()
    playout.set_status("en", "live")
    playout.channel(channel)
    for tick in range(-50, 0):
        playout.tick(tick)
    pacer.add(playout)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(pacer.run(), name="pacer")
        yield playout, pacer
        task.cancel()


class Received:
    """What a client is sent."""

    def __init__(self, client: Client) -> None:
        self.packets = list[RtpPacket]()
        self.reports = list[RtcpSrPacket]()
        receiver: Any = client.transceiver.receiver
        receiver._handle_rtp_packet = self._note
        receiver._handle_rtcp_packet = self._note_report

    async def _note(self, packet: RtpPacket, arrival_time_ms: int) -> None:
        self.packets.append(packet)

    async def _note_report(self, packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpSrPacket):
            self.reports.append(packet)


async def test_silence_is_hardly_sent_reports_go_on_and_speech_is_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fanout, "REPORT_TICKS", 50)
    client = Client("recvonly")
    received = Received(client)
    async with long_silent("en") as (playout, pacer):
        track = SubscriberTrack(playout.channel("en"))
        async with connected(client, track):
            await until(lambda: bool(received.packets), 1.0)
            began_tick = pacer.now_tick
            await until(lambda: len(received.packets) >= IN_SILENCE)
            silent_s = (pacer.now_tick - began_tick) * TICK_S
            in_silence = len(received.packets)
            playout.speak("en", 1, tone(440, 0.4), RATE_HZ, pacer.now_tick, True)
            await until(lambda: len(received.packets) >= in_silence + 20)
            await until(lambda: bool(received.reports))
    assert silent_s >= (IN_SILENCE - 1) / 3
    sequence = np.array([packet.sequence_number for packet in received.packets])
    times = np.array([packet.timestamp for packet in received.packets]).astype(np.uint32)
    steps = np.diff(times)
    assert (np.diff(sequence) == 1).all()
    assert (steps % SAMPLES_PER_TICK == 0).all() and steps.max() < 2 * RATE_HZ
    marked = [number for number, packet in enumerate(received.packets) if packet.marker]
    assert marked[0] == 0 and marked[1] >= in_silence
    assert all(report.sender_info.rtp_timestamp in times for report in received.reports)
