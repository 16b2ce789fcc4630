import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import aioice.ice
import numpy as np
import pytest
from aiortc.rtp import RtpPacket
from av import AudioFrame

from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.libopus import ChannelEncoder
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, OpusEncoder, Pcm, joined, mono
from server.media.pacer import Pacer
from server.media.peer import answer, host_addresses
from server.media.plane import MediaPlane
from server.media.playout import StreamPlayout
from tests.helpers.webrtc import Client, ScriptedTrack, connected, pitch_hz, tone


class TonePlayout:
    """A channel for each tone: the same every tick."""

    def __init__(self, **frequencies_hz: float) -> None:
        self.encoded = 0
        self.channels = {name: Broadcast(name) for name in frequencies_hz}
        self._encoders = {name: OpusEncoder() for name in frequencies_hz}
        self._tones = {name: tone(hz, 10.0) for name, hz in frequencies_hz.items()}

    def tick(self, tick: int) -> None:
        for name, channel in self.channels.items():
            start = tick % 500 * SAMPLES_PER_TICK
            pcm = self._tones[name][start : start + SAMPLES_PER_TICK]
            channel.publish(tick, self._encoders[name].encode(pcm))
            self.encoded += 1

    def close(self) -> None:
        pass


@asynccontextmanager
async def paced(*playouts: TonePlayout | StreamPlayout) -> AsyncIterator[None]:
    pacer = Pacer()
    for playout in playouts:
        pacer.add(playout)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(pacer.run(), name="pacer")
        yield
        task.cancel()


def record_rtp(client: Client) -> list[RtpPacket]:
    """The packets the client receives from now on."""
    receiver: Any = client.transceiver.receiver
    packets = list[RtpPacket]()
    handle = receiver._handle_rtp_packet

    async def record(packet: RtpPacket, arrival_time_ms: int) -> None:
        packets.append(packet)
        await handle(packet, arrival_time_ms)

    receiver._handle_rtp_packet = record
    return packets


async def hear(client: Client, seconds: float) -> Pcm:
    """What the client hears in the next so many seconds of sound."""
    heard = list[Pcm]()
    async with asyncio.timeout(10 + seconds):
        while sum(each.size for each in heard) < seconds * RATE_HZ:
            frame = await client.transceiver.receiver.track.recv()
            assert isinstance(frame, AudioFrame)
            heard.append(mono(frame))
    return joined(heard)


async def test_a_listener_hears_the_channel_and_the_one_it_selects() -> None:
    playout, client = TonePlayout(en=440, nl=880), Client("recvonly")
    packets = record_rtp(client)
    track = SubscriberTrack(playout.channels["en"])
    async with paced(playout), connected(client, track):
        assert pitch_hz(await hear(client, 0.5)) == pytest.approx(440, abs=5)
        track.select(playout.channels["nl"])
        await hear(client, 0.3)
        assert pitch_hz(await hear(client, 0.5)) == pytest.approx(880, abs=5)
    sequence = np.array([packet.sequence_number for packet in packets])
    stamps = np.array([packet.timestamp for packet in packets]).astype(np.uint32)
    steps = np.diff(stamps)
    assert len({packet.ssrc for packet in packets}) == 1
    assert (np.diff(sequence) == 1).all()
    assert (steps > 0).all() and (steps % SAMPLES_PER_TICK == 0).all() and steps.max() < RATE_HZ


async def test_many_listeners_share_one_encoding_and_no_thread_encodes() -> None:
    class Refusing(ThreadPoolExecutor):
        def submit(self, *args: Any, **kwargs: Any) -> Any:
            raise AssertionError("the default executor was used")

    calls = [0]

    class CountingEncoder(ChannelEncoder):
        def encode(self, pcm: Pcm) -> bytes:
            calls[0] += 1
            return super().encode(pcm)

    asyncio.get_running_loop().set_default_executor(Refusing())
    playout, ticks = StreamPlayout(new_encoder=CountingEncoder), TonePlayout(clock=440)
    channel = playout.channel("en")
    playout.set_status("en", "live")
    playout.speak("en", 1, tone(440, 30.0), RATE_HZ, 0, True)
    calls[0] = 0
    async with paced(playout, ticks), asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(_listen_a_while(Client("recvonly"), channel))
    assert calls[0] == ticks.encoded > 25


async def _listen_a_while(client: Client, channel: Broadcast) -> None:
    async with connected(client, SubscriberTrack(channel)):
        await hear(client, 0.5)


async def test_a_listener_is_not_received_and_costs_no_thread() -> None:
    playout, client = TonePlayout(en=440), Client("sendrecv", ScriptedTrack(tone(880, 5.0)))
    async with paced(playout), connected(client, SubscriberTrack(playout.channels["en"])) as peer:
        threads = threading.active_count()
        assert "a=sendonly" in peer.sdp
        assert pitch_hz(await hear(client, 0.5)) == pytest.approx(440, abs=5)
        assert threading.active_count() == threads


async def test_one_connection_can_send_and_receive() -> None:
    playout, client = TonePlayout(en=440), Client("sendrecv", ScriptedTrack(tone(880, 5.0)))
    track = SubscriberTrack(playout.channels["en"])
    async with paced(playout), connected(client, track, receive=True) as peer:
        heard = []
        async for sound in peer.sounds():
            heard.append(sound.pcm48)
            if len(heard) == 25:
                break
        assert pitch_hz(joined(heard)) == pytest.approx(880, abs=5)
        assert pitch_hz(await hear(client, 0.5)) == pytest.approx(440, abs=5)


async def test_candidates_are_never_probed() -> None:
    """A candidate in an offer, be it the likeliest, is never sent anything."""
    client = Client("recvonly")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        victim.bind(("127.0.0.1", 0))
        victim.setblocking(False)
        port = victim.getsockname()[1]
        offer = await client.offer() + (
            f"a=candidate:1 1 udp 2130706432 127.0.0.1 {port} typ host\r\n"
            "a=candidate:2 1 udp 2130706433 c0ffee.local 5000 typ host\r\n"
            "a=end-of-candidates\r\n"
        )
        peer = await answer(offer, MediaPlane(), send=SubscriberTrack(Broadcast()))
        await client.take(peer.sdp)
        await peer.connected()
        with pytest.raises(BlockingIOError):
            victim.recv(2000)
        assert getattr(aioice.ice._mdns, "protocol", None) is None
        await peer.close()
        await client.close()


async def test_the_answer_names_every_address_and_asks_for_mono_without_gaps() -> None:
    client = Client("sendonly", ScriptedTrack(tone(440, 1.0)))
    peer = await answer(await client.offer(), MediaPlane(["127.0.0.1", "127.0.0.2"]), receive=True)
    lines = peer.sdp.splitlines()
    candidates = [line.split()[4] for line in lines if line.startswith("a=candidate:")]
    assert candidates == ["127.0.0.1", "127.0.0.2"]
    assert "a=recvonly" in lines
    assert any("usedtx=0" in line and "stereo=0" in line for line in lines)
    await peer.close()
    await client.close()


def test_the_answer_has_the_server_s_addresses() -> None:
    assert host_addresses("localhost") == ["127.0.0.1"]
    assert host_addresses("127.0.0.2") == ["127.0.0.2"]
    assert "127.0.0.1" in host_addresses("0.0.0.0")
