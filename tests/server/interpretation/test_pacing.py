import pytest

from server.bus.messages import RATE_HZ
from server.interpretation.pacing import PAUSE_SAMPLES, Pacing


def with_backlog(seconds: float) -> Pacing:
    pacing = Pacing()
    pacing.place(0, round(seconds * RATE_HZ) - PAUSE_SAMPLES)
    return pacing


@pytest.mark.parametrize(
    ("backlog_s", "scale"),
    [(0.15, 1.0), (2.0, 1.0), (3.0, 0.9375), (4.0, 0.875), (6.0, 0.75), (11.0, 0.75)],
)
def test_the_further_behind_the_faster(backlog_s: float, scale: float) -> None:
    assert with_backlog(backlog_s).length_scale(0) == pytest.approx(scale)


@pytest.mark.parametrize(("backlog_s", "full"), [(0.15, False), (12.0, False), (12.1, True)])
def test_far_behind_nothing_is_added(backlog_s: float, full: bool) -> None:
    assert with_backlog(backlog_s).full(0) is full


def test_speech_starts_at_once_when_nothing_else_is_said() -> None:
    assert Pacing().place(5000, 100) == 5000


def test_clauses_follow_each_other_after_a_pause() -> None:
    pacing = Pacing()
    pacing.place(1000, 8000)
    assert pacing.place(2000, 8000) == 1000 + 8000 + PAUSE_SAMPLES


def test_backlog_is_won_back_as_time_goes_by() -> None:
    assert with_backlog(5.0).backlog(3 * RATE_HZ) == 2 * RATE_HZ


def test_backlog_is_heard_while_the_speaker_is_paused() -> None:
    pacing = with_backlog(5.0)
    pacing.stood_still(3 * RATE_HZ)
    assert pacing.backlog(0) == 2 * RATE_HZ
