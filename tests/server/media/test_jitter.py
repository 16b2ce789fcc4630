"""Times are in packets of 20 ms. Packet n is sent at time n and arrives at once, unless a test says
otherwise."""

from collections.abc import Mapping

import pytest

from server.media.counts import JitterCounts
from server.media.jitter import (
    CONCEALED_SAMPLES,
    MAX_TARGET_S,
    MIN_TARGET_S,
    JitterBuffer,
    Missing,
    Packet,
)
from server.media.opus import SAMPLES_PER_TICK, TICK_S

TICK = SAMPLES_PER_TICK
#: Packets that arrive before the first is played.
CUSHION = round(MIN_TARGET_S / TICK_S)

Heard = Packet | Missing | None


def play(
    arrivals: Mapping[int, float], ticks: int, buffer: JitterBuffer | None = None, first: int = 0
) -> list[Heard]:
    """What is played at every tick. ``arrivals``: when each packet arrives, in packets."""
    buffer = buffer or JitterBuffer()
    heard: list[Heard] = []
    waiting = sorted(arrivals.items(), key=lambda each: each[1])
    for tick in range(ticks):
        while waiting and waiting[0][1] <= tick:
            number, at = waiting.pop(0)
            data = b"%d" % number
            buffer.push((first + number * TICK) % 2**32, TICK, data, at * TICK_S)
        heard.append(buffer.pull(tick * TICK_S))
    return heard


def numbers(heard: list[Heard]) -> list[int | str | None]:
    """The number of the packet played at each tick; "": a missing one; None: nothing."""
    return [
        int(each.data) if isinstance(each, Packet) else "" if isinstance(each, Missing) else None
        for each in heard
    ]


def test_packets_are_played_one_cushion_after_arrival() -> None:
    heard = numbers(play({number: number for number in range(20)}, 20))
    assert heard == [None] * CUSHION + list(range(20 - CUSHION))


def test_reordered_packets_are_played_in_order() -> None:
    arrivals = {number: float(number) for number in range(20)} | {5: 6.5}
    assert numbers(play(arrivals, 20))[CUSHION:] == list(range(20 - CUSHION))


def test_speakers_who_are_counted_together_adapt_each() -> None:
    counts = JitterCounts()
    buffers = [JitterBuffer(counts) for _ in range(5)]
    for number in range(300):
        late = 4 * (number % 3)
        for buffer in buffers:
            buffer.push(number * TICK, TICK, b"", (number + late) * TICK_S)
    assert [buffer.target_s for buffer in buffers] == [buffers[0].target_s] * 5
    assert buffers[0].target_s > MIN_TARGET_S


def test_a_duplicate_packet_is_played_once() -> None:
    buffer = JitterBuffer()
    for _ in range(2):
        buffer.push(0, TICK, b"0", 0.0)
    assert numbers([buffer.pull(1.0), buffer.pull(1.0)]) == [0, ""]
    assert buffer.counts.doubled == 1


def test_a_lost_packet_is_recovered_from_the_next_one() -> None:
    arrivals = {number: float(number) for number in range(20) if number != 7}
    heard = play(arrivals, 20)
    assert heard[CUSHION + 7] == Missing(TICK, following=b"8")
    assert numbers(heard)[CUSHION + 8 :] == list(range(8, 20 - CUSHION))


def test_of_several_lost_packets_only_the_last_is_recovered() -> None:
    arrivals = {number: float(number) for number in range(20) if number not in (7, 8)}
    heard = play(arrivals, 20)
    assert heard[CUSHION + 7] == Missing(TICK)
    assert heard[CUSHION + 8] == Missing(TICK, following=b"9")


def test_a_red_copy_replaces_a_lost_packet() -> None:
    buffer = JitterBuffer()
    heard: list[Heard] = []
    for tick in range(20):
        if tick == 8:
            buffer.restore(7 * TICK, TICK, b"7", tick * TICK_S)
        if tick not in (7, 12):
            buffer.push(tick * TICK, TICK, b"%d" % tick, tick * TICK_S)
        heard.append(buffer.pull(tick * TICK_S))
    assert numbers(heard)[CUSHION:] == [*range(12), "", *range(13, 20 - CUSHION)]
    assert (buffer.counts.copied, buffer.counts.came, buffer.counts.late) == (1, 18, 0)


@pytest.mark.parametrize("copied", [True, False], ids=["copies", "again"])
def test_late_retransmissions_raise_the_target_delay(copied: bool) -> None:
    """A tenth of the packets is 60 ms late: at first too late to be played, then in time."""
    buffer = JitterBuffer()
    for tick in range(3, 1000):
        now_s = tick * TICK_S
        if tick % 10 == 0 and copied:
            buffer.restore((tick - 3) * TICK, TICK, b"lost", now_s)
        elif tick % 10 == 0:
            buffer.push((tick - 3) * TICK, TICK, b"lost", now_s, again=True)
        if tick % 10 != 7:
            buffer.push(tick * TICK, TICK, b"0", now_s)
        buffer.pull(now_s)
    assert buffer.target_s == pytest.approx(4 * TICK_S)
    assert buffer.counts.late == 0


def test_after_a_long_loss_concealment_ends() -> None:
    arrivals = {number: float(number) for number in range(60) if not 10 <= number < 40}
    heard = play(arrivals, 60)
    missing = [each for each in heard if isinstance(each, Missing)]
    assert len(missing) == 30
    made_up = sum(each.samples for each in missing if not each.silent)
    assert TICK <= made_up <= 2 * CONCEALED_SAMPLES
    assert numbers(heard)[CUSHION + 40 :] == list(range(40, 60 - CUSHION))


def test_late_packets_are_played() -> None:
    """After a stall of 200 ms all packets arrive, and all are played."""
    arrivals = {
        number: float(max(number, 20) if 10 <= number < 20 else number) for number in range(60)
    }
    buffer = JitterBuffer()
    heard = numbers(play(arrivals, 60, buffer))
    assert [each for each in heard if isinstance(each, int)] == list(range(60 - CUSHION - 8))
    assert buffer.counts.late == 0


def test_the_delay_added_by_a_stall_counts_as_excess() -> None:
    arrivals = {
        number: float(max(number, 20) if 10 <= number < 20 else number) for number in range(60)
    }
    buffer = JitterBuffer()
    play(arrivals, 60, buffer)
    at_s = 59 * TICK_S
    assert buffer.excess_s(at_s, 0) == pytest.approx(
        8 * TICK_S + MIN_TARGET_S - buffer.target_s, abs=0.021
    )


@pytest.mark.parametrize("stall_s", [2.0, 3.5, 5.0, 8.0, 15.0])
def test_sound_resumes_within_a_second_after_a_stall_and_burst(stall_s: float) -> None:
    """A burst that overflows the buffer, then further packets two at a time."""
    end = 50 + round(stall_s / TICK_S)
    arrivals = {number: float(end if 50 <= number < end else number) for number in range(end)}
    arrivals |= {number: float(number | 1) for number in range(end, end + 200)}
    heard = numbers(play(arrivals, end + 200))[end + 50 :]
    assert "" not in heard and None not in heard


def test_the_target_covers_the_jitter_of_a_network_and_forgets_it() -> None:
    jittery = {number: number + (number * 7 % 5) for number in range(600)}
    buffer = JitterBuffer()
    play(jittery, 600, buffer)
    assert buffer.target_s == pytest.approx(5 * TICK_S, abs=0.005)
    calm = {number: float(number) for number in range(600, 1700)}
    play({number: at - 600 for number, at in calm.items()}, 1100, buffer, first=0)
    assert buffer.target_s <= MAX_TARGET_S


def test_a_packet_that_was_concealed_is_not_played_later() -> None:
    arrivals = {number: float(number) for number in range(30)} | {7: 15.0}
    buffer = JitterBuffer()
    assert 7 not in numbers(play(arrivals, 30, buffer))
    assert buffer.counts.late == 1


@pytest.mark.parametrize("first", [0, 2**32 - 5 * TICK, 2**31])
def test_timestamps_wrap_around(first: int) -> None:
    heard = numbers(play({number: float(number) for number in range(20)}, 20, first=first))
    assert heard[CUSHION:] == list(range(20 - CUSHION))


@pytest.mark.parametrize("at_once", [1000, 5], ids=["at once", "five at a time"])
def test_what_waited_for_the_connection_makes_nothing_late(at_once: int) -> None:
    """GStreamer makes sound before it is connected, and sends all of it then."""
    buffer = JitterBuffer()
    arrivals = {number: max(number, 50 + number / at_once) for number in range(150)}
    heard = numbers(play(arrivals, 150, buffer))
    assert set(heard[:50]) == {None}
    most = CUSHION if at_once > 100 else round(MAX_TARGET_S / TICK_S)
    late = 100 - int(heard[100] or 0)
    assert late <= most and heard[100:] == list(range(100 - late, 150 - late))
    assert buffer.counts.late > 30


def test_a_leap_of_sequence_numbers_starts_anew() -> None:
    buffer = JitterBuffer()
    play({number: float(number) for number in range(20)}, 20, buffer)
    buffer.push(10**9, TICK, b"1000", 20 * TICK_S)
    assert buffer.pull(20 * TICK_S) is None
    assert numbers([buffer.pull((21 + CUSHION) * TICK_S)]) == [1000]
    assert buffer.counts.restarts == 1


def test_a_sender_whose_clock_stood_still_starts_anew() -> None:
    buffer = JitterBuffer()
    play({number: float(number) for number in range(20)}, 20, buffer)
    buffer.push(20 * TICK, TICK, b"20", 100.0)
    assert buffer.counts.restarts == 1
    assert numbers([buffer.pull(100.0 + MIN_TARGET_S)]) == [20]


def test_a_flood_is_bounded() -> None:
    buffer = JitterBuffer()
    for number in range(10_000):
        buffer.push(number * 8 % 90_000, TICK, b"0", 0.0)
    assert len(buffer._packets) <= 150
