import pytest

from server.media.counts import JitterCounts
from server.media.jitter import MAX_TARGET_S, MIN_TARGET_S
from server.media.nack import ATTEMPTS, MAX_MISSING, MAX_UNANSWERED, NACKS_PER_S, NackGenerator

TICK_S = 0.02


def fed(*sequences: int) -> NackGenerator:
    """Packet n came at n ticks."""
    nacks = NackGenerator(JitterCounts())
    for sequence in sequences:
        nacks.received(sequence, sequence * TICK_S)
    return nacks


def test_what_is_missing_is_asked_for_at_once() -> None:
    assert fed(1, 2, 5).due(MIN_TARGET_S, 0.1) == [3, 4]


def test_nothing_is_asked_for_where_nothing_is_missing() -> None:
    assert fed(3, 4, 5).due(MIN_TARGET_S, 0.1) == []
    assert fed(1, 2, 4, 3).due(MIN_TARGET_S, 0.1) == []


def test_what_came_as_a_copy_is_not_asked_for() -> None:
    nacks = fed(1, 2, 5)
    assert [nacks.recovered(sequence) for sequence in (4, 4, 2)] == [True, False, False]
    assert nacks.due(MIN_TARGET_S, 0.1) == [3]


def test_numbers_wrap_around() -> None:
    nacks = NackGenerator(JitterCounts())
    for sequence in (2**16 - 2, 2**16 - 1, 2, 3):
        nacks.received(sequence, 0.0)
    assert nacks.due(MIN_TARGET_S, 0.0) == [0, 1]
    assert nacks.received(0, 0.05) == 0.05
    assert nacks.recovered(2**16 + 1)
    assert nacks.due(MIN_TARGET_S, 0.0) == []


def test_what_does_not_come_is_asked_for_again_while_there_is_time() -> None:
    nacks = fed(1, 3)
    asked = [nacks.due(0.2, 0.06 + step * 0.01) for step in range(60)]
    assert [step for step, wanted in enumerate(asked) if wanted] == [0, 6, 12]
    assert ATTEMPTS == 3
    nacks = fed(1, 3)
    asked = [nacks.due(MIN_TARGET_S, 0.06 + step * 0.01) for step in range(60)]
    assert sum(map(len, asked)) == 1


def test_the_wait_for_an_answer_is_learnt() -> None:
    nacks, now_s = fed(0), 0.0
    for sequence in range(2, 80, 2):
        now_s = sequence * TICK_S
        nacks.received(sequence, now_s)
        assert nacks.due(MAX_TARGET_S, now_s) == [sequence - 1]
        nacks.received(sequence - 1, now_s + 0.1)
    nacks.received(82, now_s := 82 * TICK_S)
    asked = [nacks.due(MAX_TARGET_S, now_s + step * 0.01) for step in range(20)]
    assert [step for step, wanted in enumerate(asked) if 81 in wanted] == [0, 12]


def test_what_came_for_being_asked_for_is_told_from_what_was_late() -> None:
    counts = JitterCounts()
    nacks = NackGenerator(counts)
    for sequence in (1, 2, 5):
        nacks.received(sequence, 1.0)
    assert nacks.received(3, 1.1) == 0
    assert nacks.due(MAX_TARGET_S, 1.1) == [4]
    assert nacks.received(4, 1.2) == pytest.approx(0.2)
    assert (counts.asked_for, counts.came_again) == (1, 1)


def test_a_sender_that_never_answers_is_asked_no_more() -> None:
    nacks, asked = NackGenerator(JitterCounts()), 0
    for sequence in range(0, 4 * MAX_UNANSWERED, 2):
        nacks.received(sequence, sequence * TICK_S)
        asked += len(nacks.due(MIN_TARGET_S, sequence * TICK_S))
    assert asked == MAX_UNANSWERED


def test_so_much_is_asked_for_a_second() -> None:
    nacks = NackGenerator(JitterCounts())
    nacks.received(0, 1.0)
    nacks.received(MAX_MISSING, 1.0)
    assert len(nacks.due(MAX_TARGET_S, 1.0)) == NACKS_PER_S


def test_a_leap_is_a_new_beginning() -> None:
    nacks = fed(1, 3)
    nacks.received(3 + MAX_MISSING + 1, 0.1)
    assert nacks.due(MAX_TARGET_S, 0.1) == []
    nacks.received(3 + MAX_MISSING + 3, 0.1)
    assert nacks.due(MAX_TARGET_S, 0.1) == [3 + MAX_MISSING + 2]


def test_what_is_remembered_is_bounded() -> None:
    nacks = NackGenerator(JitterCounts())
    for sequence in range(0, 60_000, 90):
        nacks.received(sequence, 0.0)
    assert len(nacks._missing) <= MAX_MISSING
