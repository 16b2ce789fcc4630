"""When sound from the socket is played, as the page's own module decides it."""

import pytest
from playwright.sync_api import JSHandle, Page

from tests.browser.people import OpenPage

pytestmark = pytest.mark.browser

RATE_HZ = 48000
PIECE = 960
#: The first piece is played so long after it came.
TARGET = RATE_HZ * 15 // 100


@pytest.fixture(scope="module")
def page(open_pages: OpenPage) -> Page:
    return open_pages("/")


@pytest.fixture
def schedule(page: Page) -> JSHandle:
    return page.evaluate_handle(
        "async () => new (await import('/static/js/schedule.js')).Schedule()"
    )


def placed(
    schedule: JSHandle, pieces: list[tuple[int, float]], quiet: bool = False
) -> list[int | None]:
    """When each piece is played that was spoken at a time and came at another, both in pieces."""
    times: list[int | None] = schedule.evaluate(
        "(schedule, [pieces, samples, quiet]) => pieces.map(([spoken, came]) =>"
        " schedule.place((spoken * samples) >>> 0, samples, quiet, came * samples))",
        [pieces, PIECE, quiet],
    )
    return times


def test_pieces_that_come_unevenly_are_played_evenly(schedule: JSHandle) -> None:
    came = [100, 101, 105, 105, 105, 105, 107, 107]
    times = placed(schedule, list(enumerate(came)))
    assert times == [100 * PIECE + TARGET + n * PIECE for n in range(len(came))]


def test_timestamps_may_pass_the_counters_end(schedule: JSHandle) -> None:
    last = 2**32 // PIECE
    times = placed(schedule, [(last - 1, 0), (last, 3), (last + 1, 3)])
    assert times[0] is not None and times[2] == times[0] + 2 * PIECE


def test_time_left_out_is_silence(schedule: JSHandle) -> None:
    times = placed(schedule, [(0, 0), (20, 20), (21, 21)])
    assert times == [TARGET, TARGET + 20 * PIECE, TARGET + 21 * PIECE]


def test_what_comes_too_late_moves_all_that_follow(schedule: JSHandle) -> None:
    stalled = [(n, 40.0) for n in range(1, 20)]
    first, *rest = placed(schedule, [(0, 0), *stalled])
    assert first == TARGET
    assert rest[0] is not None and rest[0] > 40 * PIECE + TARGET, "with more patience than before"
    assert rest == [rest[0] + n * PIECE for n in range(len(stalled))]
    assert schedule.evaluate("schedule => schedule.late") == 1


def test_a_lag_is_won_back_in_quiet_pieces_and_in_no_others(schedule: JSHandle) -> None:
    early = [(n, max(0.0, n - 20.0)) for n in range(80)]
    assert None not in placed(schedule, early[:40])
    times = placed(schedule, early[40:], quiet=True)
    assert times[0] is None and times[-1] is not None
    assert times[-1] < 70 * PIECE + TARGET


def test_a_lag_is_won_back_where_time_was_left_out(schedule: JSHandle) -> None:
    placed(schedule, [(0, 0), (20, 0)])
    assert placed(schedule, [(40, 15)]) == [15 * PIECE + TARGET]


def test_sound_that_could_not_be_played_for_long_does_not_wait(schedule: JSHandle) -> None:
    """As where a telephone rings: the clock stood still."""
    times = placed(schedule, [(n, 0) for n in range(500)])
    assert times[200:] == [None] * 300
    (after,) = placed(schedule, [(500, 1)])
    assert after is not None and after <= 2 * RATE_HZ + PIECE


def test_a_server_that_began_anew_is_heard_at_once(schedule: JSHandle) -> None:
    placed(schedule, [(n + 5000, n) for n in range(10)])
    assert placed(schedule, [(0, 10), (1, 11)]) == [10 * PIECE + TARGET, 11 * PIECE + TARGET]
