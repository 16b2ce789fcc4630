"""Repair for a listener that reports or requests lost packets."""

from collections.abc import AsyncIterator

import pytest
from aiortc.rtp import (
    RTCP_RTPFB_NACK,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
)

from server.media.fanout import REPORT_TICKS
from server.media.opus import SAMPLES_PER_TICK
from server.media.red import Block, unpacked
from server.media.repair import (
    HISTORY,
    RED_OPUS_TYPE,
    RETRANSMISSIONS_PER_S,
    WINDOW_PACKETS,
    History,
)
from tests.helpers.hall import Ear, Hall, open_hall

RED = 63


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    async with open_hall(together=True) as hall:
        yield hall


def ask_for(ear: Ear, *sequences: int) -> None:
    wanted = sorted(sequence % 2**16 for sequence in sequences)
    ear.says(RtcpRtpfbPacket(RTCP_RTPFB_NACK, 1, ear.ssrc, wanted))


def tell(ear: Ear, highest: int, lost: int) -> None:
    report = RtcpReceiverInfo(ear.ssrc, 0, lost, highest, 0, 0, 0)
    ear.says(RtcpRrPacket(1, [report]))


def number(datagram: bytes) -> int:
    return int.from_bytes(datagram[2:4])


async def test_a_requested_packet_is_retransmitted_unchanged(hall: Hall) -> None:
    """Also the encrypted bytes: two different packets with one number would weaken the key."""
    ears = [hall.ear(ssrc) for ssrc in range(3)]
    hall.publish(range(HISTORY))
    sent = [ear.datagrams() for ear in ears][1]
    lost = [sent[0], sent[7], sent[-1]]
    ask_for(ears[1], *map(number, lost))
    assert sorted(ears[1].datagrams()) == sorted(lost)
    assert not ears[0].datagrams() and not ears[2].datagrams()
    assert hall.fan_out.counts == {"sent_again": 3}


async def test_a_marked_packet_is_retransmitted_marked(hall: Hall) -> None:
    ear = hall.ear()
    hall.publish(range(2))
    hall.channel.publish(500, b"speech", begins_speech=True)
    sent = ear.datagrams()
    ask_for(ear, *map(number, sent))
    assert ear.datagrams() == sent


async def test_packets_before_a_sequence_wrap_are_retransmitted(hall: Hall) -> None:
    ear = hall.ear()
    hall.fan_out.rows["header"]["sequence"] = 2**16 - 3
    hall.fan_out.rows["offset"] = 2**32 - 2 * SAMPLES_PER_TICK
    hall.publish(range(6))
    sent = ear.datagrams()
    ask_for(ear, 2**16 - 1, 1)
    assert sorted(ear.datagrams()) == sorted([sent[2], sent[4]])


async def test_unknown_and_forgotten_packets_are_not_retransmitted(hall: Hall) -> None:
    ear = hall.ear()
    hall.publish(range(HISTORY + 1))
    oldest, *_, newest = map(number, ear.datagrams())
    ask_for(ear, oldest, newest + 1, newest + 2000)
    assert not ear.datagrams()
    assert hall.fan_out.counts == {"not_sent_again": 3}


async def test_packets_of_another_channel_are_not_retransmitted(hall: Hall) -> None:
    ear = hall.ear()
    hall.publish(range(5))
    hall.publish(range(5), hall.other)
    hall.tracks[ear].select(hall.other)
    hall.publish(range(5, 8), hall.other)
    sent = ear.datagrams()
    ask_for(ear, *map(number, sent))
    assert sorted(ear.datagrams()) == sorted(sent[5:])


async def test_retransmissions_are_limited_per_second(hall: Hall) -> None:
    ear = hall.ear()
    hall.publish(range(HISTORY))
    numbers = [number(datagram) for datagram in ear.datagrams()]
    for _ in range(20):
        ask_for(ear, *numbers[-20:])
    assert RETRANSMISSIONS_PER_S <= len(ear.datagrams()) <= 2 * RETRANSMISSIONS_PER_S
    assert hall.fan_out.counts["not_sent_again"] >= 400 - 2 * RETRANSMISSIONS_PER_S


async def test_of_a_nack_only_the_packets_that_are_kept_are_looked_up_and_each_once(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A datagram has room for 5,800 numbers, and all the time the clock waits."""
    ear = hall.ear()
    hall.publish(range(2 * HISTORY))
    newest = number(ear.datagrams()[-1])
    looked_up, payload = list[int](), History.payload

    def counted(history: History, number: int, as_red: bool) -> tuple[int, bytes] | None:
        looked_up.append(number)
        return payload(history, number, as_red)

    monkeypatch.setattr(History, "payload", counted)
    lost = [(newest - back) % 2**16 for back in range(2 * HISTORY, -HISTORY, -1)] * 30
    ear.sender.receive_rtcp(RtcpRtpfbPacket(RTCP_RTPFB_NACK, 1, ear.ssrc, lost))
    assert looked_up == list(range(HISTORY, 2 * HISTORY))
    assert RETRANSMISSIONS_PER_S <= len(ear.datagrams()) <= HISTORY
    assert hall.fan_out.counts.total() == len(lost)


async def test_only_listeners_with_loss_get_red(hall: Hall) -> None:
    loses, stays = hall.ear(1, RED), hall.ear(2, RED)
    hall.publish(range(5))
    first, *lost = map(number, loses.datagrams())
    ask_for(loses, *lost[:2])
    loses.datagrams()
    hall.publish(range(5, 7))
    packets = loses.packets()
    assert [each.sequence_number - first for each in packets] == [5, 6]
    assert [each.payload_type for each in packets] == [RED, RED]
    assert unpacked(packets[0].payload) == [
        Block(RED_OPUS_TYPE, 2 * SAMPLES_PER_TICK, b"opus-3"),
        Block(RED_OPUS_TYPE, SAMPLES_PER_TICK, b"opus-4"),
        Block(RED_OPUS_TYPE, 0, b"opus-5"),
    ]
    assert [each.payload for each in stays.packets()] == [b"opus-%d" % n for n in range(7)]
    assert hall.fan_out.counts == {"sent_again": 2, "as_red": 2}


async def test_red_packets_are_retransmitted_as_red(hall: Hall) -> None:
    ear = hall.ear(red_type=RED)
    hall.publish(range(3))
    sent = ear.datagrams()
    tell(ear, number(sent[-1]), WINDOW_PACKETS // 10)
    hall.publish(range(3, 6))
    sent += ear.datagrams()
    assert [each[1] & 0x7F for each in sent] == [RED_OPUS_TYPE] * 3 + [RED] * 3
    ask_for(ear, *map(number, sent))
    assert sorted(ear.datagrams()) == sorted(sent)


async def test_a_listener_that_did_not_accept_red_never_gets_it(hall: Hall) -> None:
    ear = hall.ear()
    hall.publish(range(3))
    tell(ear, ear.packets()[-1].sequence_number, WINDOW_PACKETS // 2)
    hall.publish(range(3, 5))
    assert [each.payload for each in ear.packets()] == [b"opus-3", b"opus-4"]
    assert hall.channel.loss == 0.5  # so that the encoder helps


async def test_loss_of_a_listener_with_red_is_not_told_to_the_encoder(hall: Hall) -> None:
    ear = hall.ear(red_type=RED)
    hall.publish(range(3))
    tell(ear, ear.packets()[-1].sequence_number, WINDOW_PACKETS // 2)
    assert hall.channel.loss == 0


async def test_red_ends_after_a_long_time_without_loss(hall: Hall) -> None:
    ear = hall.ear(red_type=RED)
    hall.publish(range(3))
    highest = ear.packets()[-1].sequence_number
    tell(ear, highest, 5)
    tick = 3
    for report in range(1, 13):
        tell(ear, highest + REPORT_TICKS * report, 5)
        hall.publish(range(tick, tick + 1))
        tick += 1
    types = [each.payload_type for each in ear.packets()]
    assert types[0] == RED and types[-1] == RED_OPUS_TYPE
    assert types == sorted(types)


async def test_reports_about_other_sources_are_ignored(hall: Hall) -> None:
    ear = hall.ear(1, RED)
    hall.publish(range(3))
    report = RtcpReceiverInfo(2, 0, 50, 1000, 0, 0, 0)
    ear.says(RtcpRrPacket(1, [report]))
    hall.publish(range(3, 4))
    assert {each.payload_type for each in ear.packets()} == {RED_OPUS_TYPE}


async def test_requests_for_other_sources_are_ignored(hall: Hall) -> None:
    ear = hall.ear(1)
    hall.publish(range(3))
    sent = ear.datagrams()
    ear.says(RtcpRtpfbPacket(RTCP_RTPFB_NACK, 1, 2, [number(sent[0])]))
    assert not ear.datagrams()
