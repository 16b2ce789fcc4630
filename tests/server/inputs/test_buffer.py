"""A source's sound between its arrival and our clock. The time is ours."""

import asyncio

import numpy as np
import pytest

from server.inputs.buffer import CUSHION, LIMIT, Buffer
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, Pcm

TICK_S = 0.02
CUSHION_S = CUSHION / RATE_HZ


class Line:
    """A source whose sound arrives and is taken in ticks of 20 ms."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.sent = 0
        self.buffer = Buffer(lambda: self.now_s)
        self.taken: list[Pcm] = []

    def sound(self, samples: int, *, spoken: bool = True) -> Pcm:
        """What a source sends: speech like a voice of 120 Hz, in which one part in four is quiet;
        unless ``spoken``, it is never quiet."""
        at = np.arange(self.sent, self.sent + samples)
        self.sent += samples
        wave = 8000 * np.sin(2 * np.pi * 120 * at / RATE_HZ)
        if spoken:
            wave *= at // (RATE_HZ // 4) % 4 != 3
        return wave.astype(np.int16)

    def run(self, seconds: float, speed: float = 1.0, *, spoken: bool = True) -> None:
        """Let the time pass while the source sends ``speed`` times as much as is taken."""
        begun = self.sent
        for tick in range(round(seconds / TICK_S)):
            due = begun + round((tick + 1) * SAMPLES_PER_TICK * speed)
            if due > self.sent:
                self.buffer.put(self.sound(due - self.sent, spoken=spoken))
            self.tick()

    def tick(self) -> None:
        self.taken.append(self.buffer.take())
        self.now_s += TICK_S


def test_sound_leaves_as_it_came_after_a_cushion() -> None:
    line = Line()
    sound = line.sound(RATE_HZ)
    for at in range(0, RATE_HZ, SAMPLES_PER_TICK):
        line.buffer.put(sound[at : at + SAMPLES_PER_TICK])
        line.tick()
    heard = np.concatenate(line.taken)
    delay = CUSHION - SAMPLES_PER_TICK
    assert np.array_equal(heard[delay:], sound[: RATE_HZ - delay])


def test_there_is_silence_while_nothing_comes() -> None:
    line = Line()
    line.run(1)
    for _ in range(100):
        line.tick()
    assert not np.concatenate(line.taken[-80:]).any()
    assert line.buffer.counts.silent >= 80 * SAMPLES_PER_TICK


@pytest.mark.parametrize("spoken", [True, False], ids=["speech", "never quiet"])
def test_a_clock_that_is_too_fast_does_not_add_up(spoken: bool) -> None:
    line = Line()
    line.run(180, speed=1.01, spoken=spoken)  # 1.8 s too much
    counts = line.buffer.counts
    assert line.buffer.level_s < 1.3
    assert counts.left_out / RATE_HZ == pytest.approx(
        1.8 + CUSHION_S - line.buffer.level_s, abs=0.1
    )
    assert counts.silent <= CUSHION


@pytest.mark.parametrize("spoken", [True, False], ids=["speech", "never quiet"])
def test_a_clock_that_is_too_slow_leaves_no_holes(spoken: bool) -> None:
    line = Line()
    line.run(180, speed=0.99, spoken=spoken)
    counts = line.buffer.counts
    assert counts.silent <= CUSHION
    assert counts.repeated / RATE_HZ == pytest.approx(1.8, abs=0.3)


def test_sound_in_bursts_is_played_without_holes() -> None:
    """As from HLS: three segments of 2 s at first, then one every 2 s."""
    line = Line()
    line.buffer.put(line.sound(6 * RATE_HZ))
    for _ in range(60):
        for _ in range(100):
            line.tick()
        line.buffer.put(line.sound(2 * RATE_HZ))
    assert line.buffer.counts.silent == 0
    assert line.buffer.level_s < 4  # what the bursts do not need was left out


def test_a_burst_at_the_start_is_caught_up_with_in_pauses() -> None:
    """As from Icecast."""
    line = Line()
    line.buffer.put(line.sound(4 * RATE_HZ))
    line.run(60)
    assert line.buffer.level_s < 0.5
    assert line.buffer.counts.silent == 0


async def test_what_can_be_read_faster_is_played_in_real_time() -> None:
    line = Line()

    async def read() -> None:
        while True:
            await line.buffer.room()
            for _ in range(10):  # it takes 0.2 s to fetch half a second
                await asyncio.sleep(0)
            line.buffer.put(line.sound(RATE_HZ // 2))

    reading = asyncio.create_task(read())
    for _ in range(3000):
        await asyncio.sleep(0)
        line.tick()
    reading.cancel()
    assert line.buffer.counts.left_out == 0
    assert line.sent <= 61 * RATE_HZ + LIMIT


def test_what_the_timestamps_leave_out_becomes_silence() -> None:
    line = Line()
    line.run(1)
    line.buffer.put(line.sound(RATE_HZ), gap=RATE_HZ // 2)
    line.buffer.end()
    while not line.buffer.spent:
        line.tick()
    heard = np.concatenate(line.taken)
    assert heard.size == pytest.approx(CUSHION + 2.5 * RATE_HZ, abs=2 * SAMPLES_PER_TICK)


def test_a_gap_that_was_played_already_is_not_played_again() -> None:
    line = Line()
    line.run(1)
    for _ in range(100):
        line.tick()
    silent_s = line.buffer.counts.silent / RATE_HZ
    line.buffer.put(line.sound(RATE_HZ), gap=round(1.8 * RATE_HZ))
    assert silent_s == pytest.approx(2, abs=CUSHION_S)
    assert line.buffer.level_s == pytest.approx(1, abs=CUSHION_S)


def test_what_nobody_hears_is_counted() -> None:
    line = Line()
    line.buffer.put(line.sound(RATE_HZ))
    line.buffer.drop()
    assert line.buffer.counts.dropped == SAMPLES_PER_TICK
