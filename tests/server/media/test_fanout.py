from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from aiortc.rtp import RtcpByePacket, RtcpSdesPacket, RtcpSrPacket
from pylibsrtp import Session

from server.media import batch
from server.media.batch import ROWS
from server.media.fanout import REPORT_TICKS
from server.media.ice import Path
from server.media.opus import SAMPLES_PER_TICK
from tests.helpers.hall import Hall, Out, open_hall


@pytest.fixture(params=["one socket", "own sockets"])
async def hall(request: pytest.FixtureRequest) -> AsyncIterator[Hall]:
    async with open_hall(request.param != "own sockets") as hall:
        yield hall


async def test_this_machine_passes_the_check_of_the_fan_out() -> None:
    assert not batch.problem()


async def test_a_packet_is_sent_at_once(hall: Hall) -> None:
    ears = [hall.ear(ssrc) for ssrc in range(5)]
    hall.publish(range(3))
    for ssrc, ear in enumerate(ears):
        packets = ear.packets()
        assert [packet.payload for packet in packets] == [b"opus-0", b"opus-1", b"opus-2"]
        assert {(packet.ssrc, packet.payload_type) for packet in packets} == {(ssrc, 111)}


async def test_more_listeners_than_a_batch_or_the_initial_table_are_served() -> None:
    async with open_hall(together=True) as hall:
        ears = [hall.ear(ssrc) for ssrc in range(ROWS + 3)]
        hall.publish(range(2))
        for ear in ears:
            first, second = ear.packets()
            assert [first.payload, second.payload] == [b"opus-0", b"opus-1"]
            assert second.sequence_number == first.sequence_number + 1
            assert (second.timestamp - first.timestamp) % 2**32 == SAMPLES_PER_TICK
            ear.sender.stop()
    assert hall.fan_out.listeners == 0


async def test_sequence_and_timestamp_increase_and_only_the_first_packet_is_marked(
    hall: Hall,
) -> None:
    ear = hall.ear()
    hall.publish(range(5))
    packets = ear.packets()
    first = packets[0]
    assert first.sequence_number < 2**15
    assert [packet.marker for packet in packets] == [1, 0, 0, 0, 0]
    for number, packet in enumerate(packets):
        assert packet.sequence_number == first.sequence_number + number
        assert (packet.timestamp - first.timestamp) % 2**32 == number * SAMPLES_PER_TICK


async def test_the_first_packet_after_silence_is_marked_and_silence_is_no_loss(hall: Hall) -> None:
    ears = [hall.ear(ssrc) for ssrc in range(2)]
    hall.publish(range(2))
    hall.channel.publish(500, b"speech", begins_speech=True)
    hall.publish(range(501, 503))
    for ear in ears:
        packets = ear.packets()
        first = packets[0].sequence_number
        assert [packet.marker for packet in packets] == [1, 0, 1, 0, 0]
        assert [packet.sequence_number - first for packet in packets] == list(range(5))
        assert (packets[2].timestamp - packets[1].timestamp) % 2**32 == 499 * SAMPLES_PER_TICK


async def test_sequence_and_time_wrap_around(hall: Hall) -> None:
    """The rollover counter of SRTP counts on: the listener decrypts all."""
    ear = hall.ear()
    row = hall.fan_out.rows["header"]
    row["sequence"] = 65534
    hall.fan_out.rows["offset"] = 2**32 - SAMPLES_PER_TICK
    hall.publish(range(4))
    packets = ear.packets()
    assert [packet.sequence_number for packet in packets] == [65534, 65535, 0, 1]
    assert [packet.timestamp for packet in packets] == [
        (number - 1) * SAMPLES_PER_TICK % 2**32 for number in range(4)
    ]


async def test_a_skipped_tick_is_a_gap_in_timestamps_but_not_in_sequence(hall: Hall) -> None:
    ear = hall.ear()
    hall.publish(range(2))
    hall.publish(range(4, 6))
    _, before, after, _ = ear.packets()
    assert after.sequence_number == before.sequence_number + 1
    assert (after.timestamp - before.timestamp) % 2**32 == 3 * SAMPLES_PER_TICK


async def test_another_channel_continues_the_sequence(hall: Hall) -> None:
    ear, stays = hall.ear(1), hall.ear(2)
    hall.publish(range(2))
    hall.publish(range(2), hall.other)
    hall.tracks[ear].select(hall.other)
    hall.publish(range(2, 4), hall.other)
    hall.publish(range(2, 4))
    packets = ear.packets()
    first = packets[0]
    assert [packet.sequence_number - first.sequence_number for packet in packets] == [0, 1, 2, 3]
    assert (packets[3].timestamp - first.timestamp) % 2**32 == 3 * SAMPLES_PER_TICK
    assert len(stays.packets()) == 4
    assert (hall.channel.listeners, hall.other.listeners) == (1, 1)


async def test_timestamps_never_go_back(hall: Hall) -> None:
    ear, stays = hall.ear(1), hall.ear(2)
    hall.publish(range(3))
    hall.tracks[ear].select(hall.other)
    hall.publish(range(1, 4), hall.other)
    assert [packet.payload for packet in ear.packets()] == [b"opus-%d" % n for n in range(4)]
    assert hall.fan_out.counts["dropped"] == 2
    assert len(stays.packets()) == 3


async def test_a_send_error_of_one_listener_affects_no_other(hall: Hall) -> None:
    ears = [hall.ear(ssrc) for ssrc in range(3)]
    refused = hall.socket()
    out = hall.shared if hall.together else refused
    # needs a permission that nobody has asked for
    ears[1].sender.set_path(Path(Out(out), ("255.255.255.255", 9)))
    hall.publish(range(3))
    assert [len(ear.packets()) for ear in ears] == [3, 0, 3]
    assert hall.fan_out.counts["dropped"] == 3


async def test_a_closed_socket_or_broken_session_affects_no_other(hall: Hall) -> None:
    ears = [hall.ear(ssrc) for ssrc in range(4)]
    gone = hall.socket()
    ears[0].sender.set_path(ears[0].path(gone))
    gone.close()
    ears[2].sender.session = Session()  # knows no stream: every packet fails
    hall.publish(range(2))
    assert [len(ear.packets()) for ear in ears] == [0, 2, 0, 2]
    assert hall.fan_out.counts["dropped"] == 4


async def test_a_listener_that_changes_address_is_followed(hall: Hall) -> None:
    ear = hall.ear()
    hall.publish(range(1))
    assert len(ear.packets()) == 1
    new = hall.socket()
    ear.sender.set_path(ear.path(hall.socket(), to=new))
    hall.publish(range(1, 2))
    assert not ear.packets()
    assert new.recv(2000)


async def test_nothing_is_sent_without_a_path(hall: Hall) -> None:
    ear, stays = hall.ear(1), hall.ear(2)
    ear.sender.set_path(None)
    hall.publish(range(3))
    assert (len(ear.packets()), len(stays.packets())) == (0, 3)


async def test_sender_reports_count_packets_and_bytes(hall: Hall) -> None:
    ear = hall.ear()
    hall.publish(range(26))
    packets = ear.packets()
    report, source = ear.rtcp()
    assert isinstance(report, RtcpSrPacket) and isinstance(source, RtcpSdesPacket)
    sent = report.sender_info
    assert 1 <= sent.packet_count <= 26
    last = packets[sent.packet_count - 1]
    assert sent.rtp_timestamp == last.timestamp
    assert sent.octet_count == sum(len(each.payload) for each in packets[: sent.packet_count])
    assert source.chunks[0].ssrc == report.ssrc == 7
    for start in range(26, 26 + 2 * REPORT_TICKS, 50):  # as many as a socket holds
        hall.publish(range(start, start + 50))
        ear.packets()
    reports = [each for each in ear.rtcp() if isinstance(each, RtcpSrPacket)]
    assert 2 <= len(reports) <= 5


@pytest.mark.parametrize(
    ("day", "ntp_seconds"),
    [
        (datetime(2036, 2, 7, tzinfo=UTC), 2**32 - 23_296),
        (datetime(2036, 2, 8, tzinfo=UTC), 63_104),
        (datetime(2040, 1, 1, tzinfo=UTC), 123_010_304),
    ],
)
async def test_reports_go_on_after_ntp_time_wraps(
    hall: Hall, day: datetime, ntp_seconds: int
) -> None:
    hall.fan_out.unix_time = day.timestamp
    ear = hall.ear()
    hall.publish(range(26))
    report, _ = ear.rtcp()
    assert isinstance(report, RtcpSrPacket)
    assert report.sender_info.ntp_timestamp >> 32 == ntp_seconds


async def test_a_report_that_fails_costs_the_others_nothing(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(ntp_time: int) -> None:
        raise ZeroDivisionError

    failing, other = hall.ear(1), hall.ear(2)
    monkeypatch.setattr(failing.sender, "report", fail)
    hall.publish(range(50))
    assert len(failing.packets()) == len(other.packets()) == 50
    assert "ZeroDivisionError" in caplog.text
    assert other.rtcp() and not failing.rtcp()


async def test_a_leaving_listener_gets_a_goodbye_and_is_removed(hall: Hall) -> None:
    ear, stays = hall.ear(1), hall.ear(2)
    hall.publish(range(2))
    ear.sender.stop()
    assert isinstance(ear.rtcp()[-1], RtcpByePacket)
    assert (hall.channel.listeners, hall.fan_out.listeners) == (1, 1)
    hall.publish(range(2, 4))
    assert len(stays.packets()) == 4


async def test_a_closed_channel_sends_nothing_more(hall: Hall) -> None:
    ear = hall.ear()
    hall.channel.close()
    hall.publish(range(2))
    assert not ear.packets()
    ear.sender.stop()
    assert hall.channel.listeners == hall.fan_out.listeners == 0


def test_an_incompatible_pylibsrtp_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "lib", None)
    assert "cannot be sent" in batch.problem.__wrapped__()
