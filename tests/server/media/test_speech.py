import numpy as np
import pytest

from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, Pcm
from server.media.speech import LIMIT_SAMPLES, MAX_AHEAD_TICKS, SpeechQueue
from tests.helpers.webrtc import pitch_hz, tone

TICK = SAMPLES_PER_TICK
NOTHING = np.zeros(0, np.int16)


def say(value: int, ticks: float) -> Pcm:
    return np.full(int(ticks * TICK), value, np.int16)


class Said:
    """A queue, and what it played: the value that sounds in each tick, 0 where nothing does."""

    def __init__(self) -> None:
        self.started: list[tuple[int, int]] = []
        self.ended: list[tuple[int, int, int]] = []
        self.queue = SpeechQueue(
            lambda clause, tick: self.started.append((clause, tick)),
            on_end=lambda *ended: self.ended.append(ended),
        )

    def add(self, clause: int, pcm: Pcm, at: int = 0, last: bool = True) -> None:
        self.queue.add(clause, pcm, RATE_HZ, at, last)

    def play(self, ticks: range) -> list[int]:
        played = [self.queue.pull(tick) for tick in ticks]
        return [0 if pcm is None else int(pcm[0]) for pcm in played]


def test_a_clause_begins_at_its_tick() -> None:
    said = Said()
    said.add(1, say(5, 2), at=3)
    assert said.play(range(7)) == [0, 0, 0, 5, 5, 0, 0]
    assert said.started == [(1, 3)]


def test_a_clause_whose_time_has_passed_begins_at_once() -> None:
    said = Said()
    said.add(1, say(5, 1), at=3)
    assert said.play(range(10, 12)) == [5, 0]
    assert said.started == [(1, 10)]


def test_clauses_are_played_in_order() -> None:
    said = Said()
    said.add(1, say(5, 3), at=0)
    said.add(2, say(7, 1), at=1)
    assert said.play(range(5)) == [5, 5, 5, 7, 0]
    assert said.started == [(1, 0), (2, 3)]


def test_the_next_clause_may_begin_within_a_tick() -> None:
    said = Said()
    said.add(1, say(5, 0.5))
    said.add(2, say(7, 0.5))
    pcm = said.queue.pull(0)
    assert pcm is not None
    assert pcm.tolist() == [5] * 480 + [7] * 480
    assert said.ended == [(1, 0, 480), (2, 480, 960)]


def test_a_clause_ends_with_its_last_sample_however_late_it_is_known_to_be_whole() -> None:
    said = Said()
    said.add(1, say(5, 1.5), at=3, last=False)
    said.play(range(8))
    assert said.ended == []
    said.add(2, say(7, 1), at=9)
    said.play(range(8, 12))
    assert [each[1:] for each in said.ended] == [
        (3 * TICK, 3 * TICK + TICK * 3 // 2),
        (9 * TICK, 10 * TICK),
    ]


def test_the_last_tick_of_a_clause_is_filled_up_with_silence() -> None:
    said = Said()
    said.add(1, say(5, 0.5))
    pcm = said.queue.pull(0)
    assert pcm is not None
    assert pcm.tolist() == [5] * 480 + [0] * 480


def test_only_the_first_piece_sets_the_time() -> None:
    said = Said()
    said.add(1, say(5, 1), at=0, last=False)
    said.add(1, say(6, 1), at=9)
    assert said.play(range(3)) == [5, 6, 0]


def test_a_clause_continues_after_a_late_piece() -> None:
    said = Said()
    said.add(1, say(5, 1), last=False)
    assert said.play(range(3)) == [5, 0, 0]
    said.add(1, say(6, 1))
    said.add(2, say(7, 1))
    assert said.play(range(3, 6)) == [6, 7, 0]
    assert said.started == [(1, 0), (2, 4)]


def test_a_lost_last_piece_does_not_hold_up_the_next_clause() -> None:
    said = Said()
    said.add(1, say(5, 1), last=False)
    said.add(2, say(7, 1))
    assert said.play(range(3)) == [5, 7, 0]


def test_a_last_piece_may_be_empty() -> None:
    said = Said()
    said.add(1, say(5, 1), last=False)
    said.add(1, NOTHING, last=True)
    said.add(2, say(7, 1))
    assert said.play(range(3)) == [5, 7, 0]


def test_skipped_ticks_lose_nothing() -> None:
    said = Said()
    said.add(1, np.arange(1, 4, dtype=np.int16).repeat(TICK))
    played = [said.queue.pull(tick) for tick in (0, 5, 6)]
    assert [int(pcm[0]) for pcm in played if pcm is not None] == [1, 2, 3]


def test_the_backlog_is_the_speech_that_waits() -> None:
    said = Said()
    said.add(1, say(5, 50))
    said.add(2, say(7, 25), last=False)
    assert said.queue.backlog_s == pytest.approx(1.5)
    said.play(range(10))
    assert said.queue.backlog_s == pytest.approx(1.3)


def test_beyond_the_limit_the_oldest_clause_that_has_not_begun_is_dropped() -> None:
    said = Said()
    half = LIMIT_SAMPLES // TICK // 2
    said.add(1, say(5, half))
    said.play(range(1))
    said.add(2, say(6, half))
    said.add(3, say(7, half))
    assert said.queue.counts.dropped_clauses == 1
    assert said.play(range(1, half + 2))[-3:] == [5, 7, 7]


def test_a_plan_too_far_ahead_does_not_silence_a_language_for_good() -> None:
    said = Said()
    said.add(1, say(5, 1), at=10**9)
    assert said.play(range(MAX_AHEAD_TICKS, MAX_AHEAD_TICKS + 1)) == [5]


@pytest.mark.parametrize("rate_hz", [16_000, 22_050])
def test_speech_of_any_rate_keeps_pitch_and_length(rate_hz: int) -> None:
    queue = SpeechQueue()
    sound = tone(440, 1.0, rate_hz=rate_hz)
    for piece in np.split(sound, range(1000, sound.size, 1000)):
        queue.add(1, piece, rate_hz, 0, False)
    queue.add(1, NOTHING, rate_hz, 0, True)
    played = [pcm for tick in range(60) if (pcm := queue.pull(tick)) is not None]
    assert len(played) in (50, 51)
    assert pitch_hz(np.concatenate(played[:50])) == pytest.approx(440, abs=2)
