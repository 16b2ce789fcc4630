import asyncio
import re
import struct
import threading
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from aiortc.rtp import (
    RtcpPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
)

from server.media.counts import JitterCounts
from server.media.jitter import MAX_TARGET_S
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, TICK_S, OpusEncoder, Pcm, joined
from server.media.peer import Peer, answer
from server.media.plane import MediaPlane
from server.media.red import packed
from server.media.rtp import Rtp, parsed
from server.media.uplink import SSRC_SILENT_S, Uplink
from tests.helpers.webrtc import RED, Client, ScriptedTrack, connected, tone, with_red
from tools.impair import Network, Relay

PACKET = OpusEncoder().encode(tone(440, 0.02))
OPUS = 111


def header(first: int = 0x80, second: int = OPUS) -> bytes:
    return struct.pack("!BBHII", first, second, 7, 960, 5)


@pytest.mark.parametrize(
    ("data", "payload"),
    [
        (header() + b"sound", b"sound"),
        (header(0x82) + bytes(8) + b"sound", b"sound"),
        (header(0x90) + b"\xbe\xde\x00\x01abcd" + b"sound", b"sound"),
        (header(0xA0) + b"sound\x00\x00\x03", b"sound"),
        (header(), b""),
        (header(0xA0) + b"\x01", b""),
    ],
)
def test_the_payload_of_a_packet_is_found(data: bytes, payload: bytes) -> None:
    assert parsed(data) == Rtp(OPUS, 7, 960, 5, payload)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        header()[:-1],
        header(0x40) + b"sound",
        header(0x8F) + bytes(8),
        header(0x90) + b"\xbe\xde\x00",
        header(0x90) + b"\xbe\xde\xff\xff" + bytes(8),
        header(0xA0) + b"sound\x00",
        header(0xA0) + b"sound\xff",
    ],
)
def test_datagrams_that_are_not_rtp_have_no_payload(data: bytes) -> None:
    assert parsed(data) is None


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def opened(dropped: Counter[str], jitter: JitterCounts, clock: Clock) -> Uplink:
    """An uplink of one whose Opus is OPUS; RED was negotiated."""
    return Uplink(dropped, jitter, clock, opus_type=OPUS, red_type=RED)


@pytest.mark.parametrize(
    ("rtp", "reason"),
    [
        (Rtp(0, 1, 0, 5, PACKET), "payload_type"),
        (Rtp(OPUS, 1, 0, 5, b""), "empty_payload"),
        (Rtp(OPUS, 1, 0, 6, PACKET), "ssrc"),
        (Rtp(OPUS, 1, 0, 5, b"\x03"), "no_opus"),
        (Rtp(RED, 1, 0, 5, b"\xff"), "payload_type"),
        (Rtp(RED, 1, 0, 5, packed(9, [], PACKET)), "payload_type"),
        (Rtp(RED, 1, 0, 5, packed(OPUS, [(960, PACKET)], b"")), "empty_payload"),
    ],
)
async def test_packets_that_are_not_the_speaker_s_opus_are_counted_and_dropped(
    rtp: Rtp, reason: str
) -> None:
    dropped: Counter[str] = Counter()
    jitter = JitterCounts()
    uplink = opened(dropped, jitter, Clock())
    uplink.receive_packet(Rtp(OPUS, 0, 0, 5, PACKET))
    uplink.receive_packet(rtp)
    assert dropped == {reason: 1}
    assert jitter.came == 1


async def test_lost_packets_are_taken_from_copies_or_else_requested() -> None:
    jitter, clock, dropped = JitterCounts(), Clock(), Counter[str]()
    uplink = opened(dropped, jitter, clock)
    for number in (0, 1, 3, 6):  # 2, 4 and 5 are lost
        clock.now_s = number * TICK_S
        copy = packed(OPUS, [(SAMPLES_PER_TICK, PACKET)], PACKET)
        uplink.receive_packet(Rtp(RED, number, number * SAMPLES_PER_TICK, 5, copy))
    assert uplink.nacks_due() == [4]
    assert (jitter.came, jitter.copied) == (4, 2)
    assert not dropped


@pytest.mark.parametrize("copy", [b"", b"\x03"])
async def test_an_invalid_copy_does_no_harm(copy: bytes) -> None:
    jitter, dropped = JitterCounts(), Counter[str]()
    uplink = opened(dropped, jitter, Clock())
    uplink.receive_packet(Rtp(OPUS, 0, 0, 5, PACKET))
    uplink.receive_packet(Rtp(RED, 2, 1920, 5, packed(OPUS, [(960, copy)], PACKET)))
    assert (jitter.came, jitter.copied) == (2, 0)
    assert not dropped


async def test_a_retransmission_later_than_any_delay_is_ignored() -> None:
    jitter, clock = JitterCounts(), Clock()
    uplink = opened(Counter(), jitter, clock)
    for number in (0, 1, 3):
        uplink.receive_packet(Rtp(OPUS, number, number * SAMPLES_PER_TICK, 5, PACKET))
    assert uplink.nacks_due() == [2]
    clock.now_s = MAX_TARGET_S + 0.01
    uplink.receive_packet(Rtp(OPUS, 2, 2 * SAMPLES_PER_TICK, 5, PACKET))
    assert (jitter.came, jitter.came_again) == (3, 1)


async def test_another_source_replaces_a_silent_one() -> None:
    dropped: Counter[str] = Counter()
    clock = Clock()
    jitter = JitterCounts()
    uplink = opened(dropped, jitter, clock)
    uplink.receive_packet(Rtp(OPUS, 0, 0, 5, PACKET))
    clock.now_s = SSRC_SILENT_S
    uplink.receive_packet(Rtp(OPUS, 9, 10**9, 6, PACKET))
    assert jitter.came == 2
    assert not dropped


async def test_many_sources_count_as_one_at_a_time() -> None:
    jitter = JitterCounts()
    uplink = opened(Counter(), jitter, Clock())
    for ssrc in range(1000):
        uplink.receive_packet(Rtp(OPUS, 0, 0, ssrc, PACKET))
    assert jitter.came == 1


async def test_a_speaker_gets_receiver_reports() -> None:
    told, clock = list[bytes](), Clock()
    uplink = Uplink(clock=clock, opus_type=OPUS, send=told.append, ssrc=9)
    info = RtcpSenderInfo(0x1234_5678_9ABC_DEF0, 0, 0, 0)
    for number in range(200):
        if number % 10 == 5:
            continue
        if number == 20:
            uplink.receive_rtcp(RtcpSrPacket(5, info))
        clock.now_s = number * TICK_S
        rtp = struct.pack("!BBHII", 0x80, OPUS, number, number * SAMPLES_PER_TICK, 5)
        uplink.receive_rtp(rtp + PACKET)
    said = [packet for data in told for packet in RtcpPacket.parse(data)]
    asked = [packet for packet in said if isinstance(packet, RtcpRtpfbPacket)]
    assert (asked[0].ssrc, asked[0].media_ssrc, asked[0].lost) == (9, 5, [5])
    reports = [packet for packet in said if isinstance(packet, RtcpRrPacket)]
    assert 3 <= len(reports) <= 8  # one a second, and one at once
    (last,) = reports[-1].reports
    assert (reports[-1].ssrc, last.ssrc, last.lsr) == (9, 5, 0x5678_9ABC)
    assert last.packets_lost == round(last.highest_sequence / 10)
    assert last.dlsr == pytest.approx((last.highest_sequence - 19) * TICK_S * 65536, abs=2)


async def heard(peer: Peer, seconds: float) -> Pcm:
    pieces: list[Pcm] = []
    async for sound in peer.sounds():
        pieces.append(sound.pcm48)
        if len(pieces) * SAMPLES_PER_TICK >= seconds * RATE_HZ:
            break
    return joined(pieces)


def strength(pcm: Pcm, frequency_hz: float) -> float:
    """Of a tone in the sound, 0 to 1: the median of tenths of seconds."""
    pieces = pcm[: pcm.size // 4800 * 4800].reshape(-1, 4800).astype(float)
    wave = np.exp(-2j * np.pi * frequency_hz * np.arange(4800) / RATE_HZ)
    shares = 2 * np.abs(pieces @ wave) ** 2 / 4800 / (np.square(pieces).sum(axis=1) + 1)
    return float(np.median(shares))


async def test_the_uplink_receives_a_speaker_without_a_thread() -> None:
    threads = threading.active_count()
    client = Client("sendonly", ScriptedTrack(tone(440, 3.0)))
    async with connected(client, receive=True) as peer:
        pcm = await heard(peer, 1.0)
        assert threading.active_count() == threads
    assert strength(pcm[RATE_HZ // 2 :], 440) > 0.5


async def test_a_speaker_is_asked_for_red() -> None:
    client = Client("sendonly", ScriptedTrack(tone(440, 1.0)))
    peer = await answer(with_red(await client.offer()), MediaPlane(), receive=True)
    assert "UDP/TLS/RTP/SAVPF 63 111\r\n" in peer.sdp
    assert "a=rtcp-fb:111 nack\r\n" in peer.sdp
    await peer.close()
    await client.close()


class Interrupted(ScriptedTrack):
    """Sends something else in the middle of speech."""

    def __init__(self, pcm: Pcm, at: int, packet: bytes) -> None:
        super().__init__(pcm)
        self._packets[at] = packet


@pytest.mark.parametrize(
    ("packet", "reason"),
    # The second says that it is one frame of 20 ms, and that its padding is longer than itself.
    [(b"", "empty_payload"), (b"\xfb\x41\xff\xff", "undecodable")],
)
async def test_an_invalid_packet_does_not_silence_a_speaker(packet: bytes, reason: str) -> None:
    dropped: Counter[str] = Counter()
    client = Client("sendonly", Interrupted(tone(440, 3.0), 20, packet))
    async with connected(client, receive=True, plane=MediaPlane(dropped=dropped)) as peer:
        pcm = await heard(peer, 1.5)
    assert dropped == {reason: 1}
    assert strength(pcm[RATE_HZ:], 440) > 0.5


async def over(network: Network, ticks: Sequence[int], seconds: float) -> tuple[Pcm, JitterCounts]:
    """The sound received of a tone sent over a bad network."""
    client = Client("sendonly", ScriptedTrack(tone(440, seconds + 2), ticks))
    jitter = JitterCounts()
    peer = await answer(await client.offer(), MediaPlane(jitter=jitter), receive=True)
    port = int(re.findall(r"a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+)", peer.sdp)[0])
    try:
        with Relay(("127.0.0.1", port), network, Network(), seed=1) as relay:
            await client.take(peer.sdp.replace(f" {port} typ", f" {relay.address[1]} typ"))
            await peer.connected()
            return await heard(peer, seconds), jitter
    finally:
        await peer.close()
        await client.close()


async def test_few_packets_that_arrived_are_discarded() -> None:
    """With a tenth of the packets lost, the tone goes on, and packets that arrived are used."""
    pcm, counts = await over(Network(loss=0.1, delay_s=0.02), range(250), 4.0)
    assert counts.late + counts.overflowed <= 0.01 * counts.came
    assert strength(pcm[RATE_HZ:], 440) > 0.5


async def test_lost_packets_are_requested_and_retransmitted() -> None:
    """The delay grows until retransmissions arrive in time."""
    _, counts = await over(Network(loss=0.1, delay_s=0.02), range(250), 4.0)
    assert counts.came_again >= 10
    assert counts.missing_samples < 0.8 * SAMPLES_PER_TICK * counts.came_again


async def test_jitter_causes_no_gaps() -> None:
    pcm, counts = await over(Network(jitter_s=0.06), range(250), 4.0)
    assert counts.late <= 0.01 * counts.came
    assert strength(pcm[2 * RATE_HZ :], 440) > 0.5


async def test_a_source_that_went_silent_is_heard_again() -> None:
    client = Client("sendonly", ScriptedTrack(tone(440, 3.0), [*range(25), *range(75, 150)]))
    async with connected(client, receive=True) as peer:
        pcm = await heard(peer, 2.2)
    loud = np.abs(pcm.reshape(-1, SAMPLES_PER_TICK).astype(int)).max(axis=1) > 500
    assert 0.6 < (~loud).sum() * 0.02 < 1.1
    assert strength(pcm[-RATE_HZ // 2 :], 440) > 0.5


async def test_a_connection_that_never_speaks_is_waited_for() -> None:
    client = Client("sendonly", ScriptedTrack(tone(440, 0.1), []))
    async with connected(client, receive=True) as peer:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await anext(peer.sounds())
        assert peer.state == "connected"
