from itertools import pairwise

import pytest

from server.bus.messages import RATE_HZ
from server.interpretation.pacing import LEAD_SAMPLES, LENGTH_SCALES, PAUSE_SAMPLES, SLEW, Pacing

SECOND = RATE_HZ


def with_backlog(seconds: float) -> Pacing:
    pacing = Pacing()
    pacing.place(0, 0, round(seconds * RATE_HZ))
    return pacing


def settled_scale(late_s: float) -> float:
    """How a voice speaks whose parts all begin so late."""
    pacing = Pacing()
    for _ in range(10):
        scale = pacing.length_scale(round(late_s * SECOND), 0)
    return scale


@pytest.mark.parametrize(
    ("late_s", "scale"),
    [(0.0, 0.89), (0.3, 0.87), (0.6, 0.85), (1.3, 0.775), (2.0, 0.7), (9.0, 0.7)],
)
def test_later_parts_are_spoken_faster(late_s: float, scale: float) -> None:
    assert settled_scale(late_s) == pytest.approx(scale)


def test_the_pace_changes_gradually() -> None:
    pacing = Pacing()
    late_s = [0, 5, 5, 5, 5, 5, 0, 0, 0, 0, 0]
    scales = [pacing.length_scale(each * SECOND, 0) for each in late_s]
    assert all(abs(one - other) <= SLEW + 1e-9 for one, other in pairwise([1.0, *scales]))
    assert min(scales) == LENGTH_SCALES[-1]
    assert scales[-1] == LENGTH_SCALES[0]


def test_a_backlog_makes_the_next_part_late() -> None:
    assert with_backlog(2.0).late(3 * SECOND, 3 * SECOND) == 0
    assert with_backlog(5.0).late(3 * SECOND, 2 * SECOND) == 3 * SECOND


@pytest.mark.parametrize(("backlog_s", "too_late"), [(0.15, False), (12.0, False), (12.1, True)])
def test_parts_that_are_much_too_late_are_skipped(backlog_s: float, too_late: bool) -> None:
    assert with_backlog(backlog_s).too_late(0, 0) is too_late


def test_late_parts_are_spoken_for_a_while_then_skipped_until_one_is_in_time() -> None:
    pacing = Pacing()
    late_s = {1: 2.0, 2: 4.0, 7: 4.0, 12: 4.0, 13: 4.0, 14: 2.0, 15: 4.0}
    skipped = [
        now
        for now, late in late_s.items()
        if pacing.too_late(now * SECOND, int((now - late) * SECOND))
    ]
    assert skipped == [13]


def test_without_a_backlog_speech_starts_at_once() -> None:
    assert Pacing().place(5000, 1, 100) == 5000


def test_segments_have_pauses_between_them_but_parts_of_one_do_not() -> None:
    pacing = Pacing()
    pacing.place(1000, 1, 8000)
    assert pacing.place(2000, 1, 8000) == 1000 + 8000
    assert pacing.place(3000, 2, 8000) == 1000 + 16000 + PAUSE_SAMPLES


def test_pauses_are_shorter_at_a_faster_pace() -> None:
    pacing = Pacing()
    pacing.length_scale(0, 0)
    pacing.place(0, 1, 4 * SECOND)
    assert 0 < pacing.place(0, 2, 8000) - 4 * SECOND < 3 * PAUSE_SAMPLES // 4


def test_the_next_part_is_synthesized_shortly_before_it_is_needed() -> None:
    pacing = with_backlog(5.0)
    assert pacing.ahead(3 * SECOND) == 2 * SECOND - LEAD_SAMPLES
    assert pacing.ahead(5 * SECOND - LEAD_SAMPLES) == 0


def test_the_backlog_shrinks_as_time_passes() -> None:
    assert with_backlog(5.0).backlog(3 * SECOND) == 2 * SECOND


def test_the_backlog_is_played_while_the_speaker_is_paused() -> None:
    pacing = with_backlog(5.0)
    pacing.stood_still(3 * SECOND)
    assert pacing.backlog(0) == 2 * SECOND


def test_the_next_part_is_synthesized_before_the_previous_one_ends() -> None:
    pacing = with_backlog(2)
    assert pacing.ahead(0) < pacing.backlog(0) == 2 * SECOND
    assert pacing.ahead(2 * SECOND - SECOND // 10) == 0


def test_a_language_is_mute_if_parts_are_skipped_and_none_spoken_for_a_while() -> None:
    pacing = Pacing()
    assert not pacing.mute(60 * SECOND)
    for now in range(60, 65):
        pacing.skipped(now * SECOND)
        assert not pacing.mute(now * SECOND)
    assert pacing.mute(65 * SECOND)
    pacing.place(66 * SECOND, 1, SECOND)
    pacing.skipped(67 * SECOND)
    assert not pacing.mute(67 * SECOND)


def test_a_pause_is_no_time_of_being_late() -> None:
    pacing, late = Pacing(), 3 * SECOND
    assert not pacing.too_late(10 * SECOND, 10 * SECOND - late)
    assert not pacing.too_late(60 * SECOND, 60 * SECOND - late)
