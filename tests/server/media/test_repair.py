import pytest

from server.media.opus import SAMPLES_PER_TICK
from server.media.red import MAX_BEFORE, MAX_COPY_BYTES, Block, unpacked
from server.media.repair import (
    HISTORY,
    RED_OPUS_TYPE,
    WINDOW_PACKETS,
    History,
    Losses,
)

TICK = SAMPLES_PER_TICK


def sent(*packets: tuple[int, bytes]) -> History:
    history = History()
    for tick, data in packets:
        history.add(tick, data)
    return history


def newest(history: History) -> list[Block]:
    """As RED."""
    found = history.payload(history.newest, as_red=True)
    assert found is not None
    return unpacked(found[1])


def test_red_carries_the_two_packets_before() -> None:
    assert newest(sent((4, b"four"), (5, b"five"), (6, b"six"), (7, b"seven"))) == [
        Block(RED_OPUS_TYPE, 2 * TICK, b"five"),
        Block(RED_OPUS_TYPE, TICK, b"six"),
        Block(RED_OPUS_TYPE, 0, b"seven"),
    ]


def test_red_offsets_count_skipped_ticks() -> None:
    assert newest(sent((5, b"five"), (9, b"nine")))[0].before == 4 * TICK


@pytest.mark.parametrize(
    ("packets", "sizes"),
    [
        ([(0, b"old"), (MAX_BEFORE // TICK + 1, b"new")], [3]),
        ([(5, b"old"), (5, b"again")], [5]),
        ([(0, b"x" * 700), (1, b"y" * 700), (2, b"z" * 300)], [700, 300]),
        ([(0, b"x" * (MAX_COPY_BYTES + 1)), (1, b"y")], [1]),
    ],
    ids=["too long ago", "no time between", "too much", "too long"],
)
def test_red_leaves_out_copies_that_do_not_fit(
    packets: list[tuple[int, bytes]], sizes: list[int]
) -> None:
    assert [len(block.data) for block in newest(sent(*packets))] == sizes


def test_sent_packets_are_remembered_unchanged_for_a_while() -> None:
    history = sent((10, b"zero"), (11, b"one"))
    as_red = history.payload(1, as_red=True)
    for tick in range(HISTORY):
        assert history.payload(1, as_red=False) == (11, b"one")
        assert history.payload(1, as_red=True) == as_red
        history.add(12 + tick, b"more")
    assert history.payload(0, as_red=True) is None  # never sent as such
    for tick in range(HISTORY, 2 * HISTORY):
        history.add(12 + tick, b"more")
    assert history.payload(1, as_red=False) is history.payload(1, as_red=True) is None


def test_two_requests_in_a_window_start_red() -> None:
    losses = Losses()
    wanted = []
    for sequence in (7, 7, 9):
        losses.requested(sequence)
        wanted.append(losses.wants_red)
    assert wanted == [False, False, True]


def test_reported_loss_starts_red() -> None:
    losses = Losses()
    wanted = []
    for report, lost in enumerate((0, 1, 13)):
        losses.reported(1000 + 250 * report, lost)
        wanted.append(losses.wants_red)
    assert wanted == [False, False, True]
    assert losses.share == 12 / 250


def test_reports_within_a_short_time_are_combined() -> None:
    """One lost packet of two is no loss of half."""
    losses = Losses()
    losses.reported(1000, 0)
    for step in range(1, 5):
        losses.reported(1000 + 2 * step, step)
    assert losses.share == 4 / WINDOW_PACKETS


def test_red_ends_only_when_nothing_was_lost_for_long() -> None:
    losses = Losses()
    losses.reported(1000, 0)
    losses.reported(1100, 5)
    reports = 0
    while losses.wants_red:
        reports += 1
        losses.reported(1100 + 250 * reports, 5)
    assert 15 <= 5 * reports <= 40  # seconds
    losses.reported(1100 + 250 * (reports + 1), 7)  # less than what it takes to begin
    assert not losses.wants_red


def test_loss_between_the_two_bounds_changes_nothing() -> None:
    """One and a half per cent keep RED, and do not begin it."""
    calm, troubled = Losses(), Losses()
    troubled.reported(0, 10)
    for report in range(1, 100):
        for losses in (calm, troubled):
            losses.reported(200 * report, 10 + 3 * (report - 1) if losses is troubled else 0)
    calm.reported(20_000, 3)
    assert (calm.wants_red, troubled.wants_red) == (False, True)


def test_restarted_or_nonsensical_reports_do_no_harm() -> None:
    losses = Losses()
    losses.reported(5000, 40)
    losses.reported(100, -3)
    losses.reported(350, -3)
    assert losses.share <= 0.4
    for sequence in range(10 * WINDOW_PACKETS):
        losses.requested(sequence)
    assert losses.share == 1
