import pytest

from server.media.jitter import LEAST_S, MOST_S, JitterCounts
from server.media.missed import ASKED_FOR_PER_S, ATTEMPTS, IN_VAIN, MAX_MISSING, Missed

TICK_S = 0.02


def fed(*sequences: int) -> Missed:
    """Packet n came at n ticks."""
    missed = Missed(JitterCounts())
    for sequence in sequences:
        missed.came(sequence, sequence * TICK_S)
    return missed


def test_missing_packets_are_requested_at_once() -> None:
    assert fed(1, 2, 5).to_ask_for(LEAST_S, 0.1) == [3, 4]


def test_without_missing_packets_nothing_is_requested() -> None:
    assert fed(3, 4, 5).to_ask_for(LEAST_S, 0.1) == []
    assert fed(1, 2, 4, 3).to_ask_for(LEAST_S, 0.1) == []


def test_packets_recovered_from_copies_are_not_requested() -> None:
    missed = fed(1, 2, 5)
    assert [missed.copied(sequence) for sequence in (4, 4, 2)] == [True, False, False]
    assert missed.to_ask_for(LEAST_S, 0.1) == [3]


def test_sequence_numbers_wrap_around() -> None:
    missed = Missed(JitterCounts())
    for sequence in (2**16 - 2, 2**16 - 1, 2, 3):
        missed.came(sequence, 0.0)
    assert missed.to_ask_for(LEAST_S, 0.0) == [0, 1]
    assert missed.came(0, 0.05) == 0.05
    assert missed.copied(2**16 + 1)
    assert missed.to_ask_for(LEAST_S, 0.0) == []


def test_requests_are_repeated_while_there_is_time() -> None:
    missed = fed(1, 3)
    asked = [missed.to_ask_for(0.2, 0.06 + step * 0.01) for step in range(60)]
    assert [step for step, wanted in enumerate(asked) if wanted] == [0, 6, 12]
    assert ATTEMPTS == 3
    missed = fed(1, 3)
    asked = [missed.to_ask_for(LEAST_S, 0.06 + step * 0.01) for step in range(60)]
    assert sum(map(len, asked)) == 1


def test_the_interval_between_requests_follows_the_round_trip() -> None:
    missed, now_s = fed(0), 0.0
    for sequence in range(2, 80, 2):
        now_s = sequence * TICK_S
        missed.came(sequence, now_s)
        assert missed.to_ask_for(MOST_S, now_s) == [sequence - 1]
        missed.came(sequence - 1, now_s + 0.1)
    missed.came(82, now_s := 82 * TICK_S)
    asked = [missed.to_ask_for(MOST_S, now_s + step * 0.01) for step in range(20)]
    assert [step for step, wanted in enumerate(asked) if 81 in wanted] == [0, 12]


def test_retransmitted_packets_are_distinguished_from_late_ones() -> None:
    counts = JitterCounts()
    missed = Missed(counts)
    for sequence in (1, 2, 5):
        missed.came(sequence, 1.0)
    assert missed.came(3, 1.1) == 0
    assert missed.to_ask_for(MOST_S, 1.1) == [4]
    assert missed.came(4, 1.2) == pytest.approx(0.2)
    assert (counts.asked_for, counts.came_again) == (1, 1)


def test_a_sender_that_never_answers_gets_no_more_requests() -> None:
    missed, asked = Missed(JitterCounts()), 0
    for sequence in range(0, 4 * IN_VAIN, 2):
        missed.came(sequence, sequence * TICK_S)
        asked += len(missed.to_ask_for(LEAST_S, sequence * TICK_S))
    assert asked == IN_VAIN


def test_requests_are_limited_per_second() -> None:
    missed = Missed(JitterCounts())
    missed.came(0, 1.0)
    missed.came(MAX_MISSING, 1.0)
    assert len(missed.to_ask_for(MOST_S, 1.0)) == ASKED_FOR_PER_S


def test_a_leap_in_sequence_numbers_starts_anew() -> None:
    missed = fed(1, 3)
    missed.came(3 + MAX_MISSING + 1, 0.1)
    assert missed.to_ask_for(MOST_S, 0.1) == []
    missed.came(3 + MAX_MISSING + 3, 0.1)
    assert missed.to_ask_for(MOST_S, 0.1) == [3 + MAX_MISSING + 2]


def test_the_number_of_remembered_packets_is_bounded() -> None:
    missed = Missed(JitterCounts())
    for sequence in range(0, 60_000, 90):
        missed.came(sequence, 0.0)
    assert len(missed._missing) <= MAX_MISSING
