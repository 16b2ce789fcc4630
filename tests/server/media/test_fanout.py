import asyncio
import struct
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiortc import RTCRtpSender
from aiortc.rtcdtlstransport import State

from server.media.broadcast import Broadcast, SubscriberTrack
from server.media.fanout import DirectSender, missing
from server.media.opus import SAMPLES_PER_TICK
from tests.helpers.webrtc import until

OPUS = SimpleNamespace(payloadType=111)


class Sent:
    """An aiortc sender whose packets end here, unencrypted."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.room = True
        self.state = State.CONNECTED
        pair = SimpleNamespace(
            remote_addr=("127.0.0.1", 9),
            protocol=SimpleNamespace(
                transport=SimpleNamespace(get_extra_info=lambda name: self),
            ),
        )
        self.connection = SimpleNamespace(_nominated={1: pair})
        self.sender: Any = SimpleNamespace(
            _ssrc=7,
            _RTCRtpSender__rtp_started=asyncio.Event(),
            _RTCRtpSender__rtp_exited=asyncio.Event(),
            transport=SimpleNamespace(
                _state=State.CONNECTED,
                _tx_srtp=SimpleNamespace(protect=lambda data: data),
                transport=SimpleNamespace(_connection=self.connection),
            ),
        )

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        if not self.room:
            raise BlockingIOError
        self.packets.append(data)

    def fields(self) -> list[tuple[int, int, int, int, int]]:
        return [struct.unpack("!BBHII", packet[:12]) for packet in self.packets]


async def running(sent: Sent, channel: Broadcast, use: Callable[[SubscriberTrack], None]) -> None:
    """Let ``use`` publish while the sender runs; then stop it."""
    track = SubscriberTrack(channel)
    DirectSender(cast(RTCRtpSender, sent.sender), track)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(sent.sender._run_rtp(OPUS))
        await sent.sender._RTCRtpSender__rtp_started.wait()
        await until(lambda: channel.listeners == 1)
        await asyncio.sleep(0)
        use(track)
        track.stop()
    assert sent.sender._RTCRtpSender__rtp_exited.is_set()


def publish(channel: Broadcast, ticks: range) -> None:
    for tick in ticks:
        channel.publish(tick, b"opus-%d" % tick)


async def test_aiortc_has_what_it_needs() -> None:
    assert not missing()


async def test_a_packet_is_sent_the_moment_it_is_published() -> None:
    sent, channel = Sent(), Broadcast()
    await running(sent, channel, lambda _: publish(channel, range(5)))
    assert [packet[12:] for packet in sent.packets] == [b"opus-%d" % tick for tick in range(5)]


async def test_sequence_and_time_go_on_and_only_the_first_is_marked() -> None:
    sent, channel = Sent(), Broadcast()
    await running(sent, channel, lambda _: publish(channel, range(5)))
    _, kinds, sequences, times, sources = zip(*sent.fields(), strict=True)
    assert kinds == (0x80 | 111, 111, 111, 111, 111)
    assert sequences == tuple(range(sequences[0], sequences[0] + 5))
    assert sequences[0] < 2**15
    steps = {(later - earlier) % 2**32 for earlier, later in zip(times, times[1:], strict=False)}
    assert steps == {SAMPLES_PER_TICK}
    assert set(sources) == {7}


async def test_a_skipped_tick_is_a_gap_in_time_and_none_in_sequence() -> None:
    sent, channel = Sent(), Broadcast()

    def use(_: SubscriberTrack) -> None:
        publish(channel, range(2))
        publish(channel, range(4, 6))

    await running(sent, channel, use)
    (_, _, first, time, _), (_, _, second, later, _) = sent.fields()[1:3]
    assert second == first + 1
    assert (later - time) % 2**32 == 3 * SAMPLES_PER_TICK


async def test_another_channel_goes_on_in_the_same_sequence() -> None:
    sent, channel, other = Sent(), Broadcast(), Broadcast()

    def use(track: SubscriberTrack) -> None:
        publish(channel, range(2))
        track.select(other)
        publish(other, range(2, 4))

    await running(sent, channel, use)
    _, _, sequences, times, _ = zip(*sent.fields(), strict=True)
    assert sequences == tuple(range(sequences[0], sequences[0] + 4))
    assert (times[3] - times[0]) % 2**32 == 3 * SAMPLES_PER_TICK


async def test_what_the_kernel_has_no_room_for_is_counted() -> None:
    sent, channel = Sent(), Broadcast()
    dropped: list[int] = []

    def use(track: SubscriberTrack) -> None:
        sent.room = False
        publish(channel, range(3))
        dropped.append(track.dropped)

    await running(sent, channel, use)
    assert dropped == [3]


@pytest.mark.parametrize("gone", ["pair", "dtls"])
async def test_nothing_is_sent_to_who_is_gone(gone: str) -> None:
    sent, channel = Sent(), Broadcast()
    if gone == "pair":
        sent.connection._nominated.clear()
    else:
        sent.sender.transport._state = State.CLOSED
    await running(sent, channel, lambda _: publish(channel, range(3)))
    assert not sent.packets


async def test_sender_reports_are_told_what_was_sent() -> None:
    sent, channel = Sent(), Broadcast()
    await running(sent, channel, lambda _: publish(channel, range(26)))
    assert sent.sender._RTCRtpSender__packet_count == 26
    assert sent.sender._RTCRtpSender__octet_count == sum(len(p) - 12 for p in sent.packets)
    assert sent.sender._RTCRtpSender__rtp_timestamp == sent.fields()[-1][3]


async def test_a_closed_channel_ends_it() -> None:
    sent, channel = Sent(), Broadcast()
    await running(sent, channel, lambda _: channel.close())
    assert channel.listeners == 0
