import pytest

from server.media.opus import TICK_S
from server.media.pacer import Pacer

START_S = 1000.0


class End(Exception):
    """The test's time is up."""


class Time:
    """A simulated clock. It moves on by sleeps and by the time that ticks take."""

    def __init__(self, end_tick: float) -> None:
        self.now = START_S
        self.end = START_S + end_tick * TICK_S

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now > self.end:
            raise End


class Playout:
    """Notes each tick and when it ran, in ticks. ``takes``: how long ticks block, in ticks."""

    def __init__(self, time: Time, takes: dict[int, float] | None = None) -> None:
        self.ran: list[int] = []
        self.ran_at: list[float] = []
        self._time = time
        self._takes = takes or {}

    def tick(self, tick: int) -> None:
        self.ran.append(tick)
        self.ran_at.append(round((self._time.now - START_S) / TICK_S, 3))
        self._time.now += self._takes.get(tick, 0) * TICK_S


class FailingPlayout(Playout):
    """Fails in ticks 2 and 3."""

    def tick(self, tick: int) -> None:
        if tick in (2, 3):
            raise ZeroDivisionError
        super().tick(tick)


async def run(pacer: Pacer) -> None:
    with pytest.raises(End):
        await pacer.run()


async def test_every_tick_runs_when_it_is_due() -> None:
    time = Time(end_tick=5.5)
    pacer, playout = Pacer(clock=time, sleep=time.sleep), Playout(time)
    pacer.add(playout)
    await run(pacer)
    assert playout.ran == [1, 2, 3, 4, 5]
    assert playout.ran_at == playout.ran


async def test_lateness_is_not_carried_over() -> None:
    time = Time(end_tick=5.5)
    pacer, playout = Pacer(clock=time, sleep=time.sleep), Playout(time, takes={2: 1.4})
    pacer.add(playout)
    await run(pacer)
    assert playout.ran_at == [1, 2, 3.4, 4, 5]
    assert pacer.skipped == 0


async def test_late_ticks_are_skipped_and_counted_never_burst() -> None:
    time = Time(end_tick=9.5)
    pacer, playout = Pacer(clock=time, sleep=time.sleep), Playout(time, takes={2: 4.5})
    pacer.add(playout)
    await run(pacer)
    assert playout.ran == [1, 2, 6, 7, 8, 9]
    assert playout.ran_at == [1, 2, 6.5, 7, 8, 9]
    assert pacer.skipped == 3


async def test_lateness_is_reported_for_every_tick() -> None:
    time = Time(end_tick=5.5)
    lateness: list[float] = []
    pacer = Pacer(lateness.append, clock=time, sleep=time.sleep)
    pacer.add(Playout(time, takes={2: 1.5}))
    await run(pacer)
    assert lateness == pytest.approx([0, 0, TICK_S / 2, 0, 0], abs=1e-6)


async def test_a_bug_in_one_stream_silences_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    time = Time(end_tick=5.5)
    pacer = Pacer(clock=time, sleep=time.sleep)
    failing, sound = FailingPlayout(time), Playout(time)
    pacer.add(failing)
    pacer.add(sound)
    await run(pacer)
    assert sound.ran == [1, 2, 3, 4, 5]
    assert failing.ran == [1, 4, 5]
    assert pacer.failed == 2
    assert caplog.text.count("could not be played") == 1


async def test_a_removed_playout_gets_no_more_ticks() -> None:
    time = Time(end_tick=3.5)
    pacer, playout = Pacer(clock=time, sleep=time.sleep), Playout(time)
    pacer.add(playout)
    pacer.remove(playout)
    await run(pacer)
    assert playout.ran == []


def test_now_is_what_the_clock_says() -> None:
    time = Time(end_tick=10)
    pacer = Pacer(clock=time, sleep=time.sleep)
    time.now += 7.5 * TICK_S
    assert pacer.now_tick == 7
