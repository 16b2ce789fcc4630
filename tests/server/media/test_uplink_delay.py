"""The delay of a speaker with packet loss, in a simulation: the network is exact, and time is
virtual."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from server.media.counts import JitterCounts
from server.media.jitter import MIN_TARGET_S
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, TICK_S, OpusEncoder
from server.media.red import packed
from server.media.rtp import Rtp
from server.media.uplink import TOLERANCE_S, Uplink
from tools.virtual_time import run

OPUS, RED = 111, 63
ONE_WAY_S = 0.03
#: For noise, so that all packets are different.
_RNG = np.random.default_rng(7)
_ENCODER = OpusEncoder()
PACKETS = [
    _ENCODER.encode(_RNG.normal(0, 2000, SAMPLES_PER_TICK).astype(np.int16)) for _ in range(3000)
]
NUMBER = {data: number for number, data in enumerate(PACKETS)}


@dataclass
class Heard:
    """``delays_s``: how much later than it could have come each packet was heard that was;
    ``told_s``: what the counts said that it was."""

    counts: JitterCounts = field(default_factory=JitterCounts)
    delays_s: dict[int, float] = field(default_factory=dict)
    told_s: dict[int, float] = field(default_factory=dict)

    def of(self, start_s: float, end_s: float) -> list[float]:
        return [
            delay_s
            for number, delay_s in self.delays_s.items()
            if start_s <= number * TICK_S < end_s
        ]


def spoken(
    loss: Callable[[float], float],
    seconds: float,
    red: bool = False,
    answers: bool = True,
    tick_s: float = TICK_S,
) -> Heard:
    """What is heard of a speaker; ``loss`` is the share lost at a time. ``red``: with a copy of
    the packet before each; ``answers``: what is asked for comes again, unless it is lost too.
    ``tick_s``: what the speaker's clock takes for 20 ms."""
    return run(_spoken(loss, seconds, red, answers, tick_s))


async def _spoken(
    loss: Callable[[float], float], seconds: float, red: bool, answers: bool, tick_s: float
) -> Heard:
    loop, rng, heard = asyncio.get_running_loop(), random.Random(5), Heard()
    uplink = Uplink(None, heard.counts, loop.time, opus_type=OPUS, red_type=RED)

    def send(number: int) -> None:
        if rng.random() >= loss(loop.time()):
            loop.call_later(ONE_WAY_S + 0.005 * rng.random(), arrive, number)

    def arrive(number: int) -> None:
        payload_type, payload = OPUS, PACKETS[number]
        if red and number:
            copies = [(SAMPLES_PER_TICK, PACKETS[number - 1])]
            payload_type, payload = RED, packed(OPUS, copies, payload)
        uplink.receive_packet(Rtp(payload_type, number, number * SAMPLES_PER_TICK, 5, payload))
        for sequence in uplink.nacks_due():
            if answers:
                loop.call_later(ONE_WAY_S, send, sequence)

    for number in range(round(seconds / tick_s)):
        loop.call_at(number * tick_s, send, number)
    async for sound in uplink.sounds():
        if sound.packet is not None:
            number = NUMBER[sound.packet]
            heard.delays_s[number] = loop.time() - number * tick_s - ONE_WAY_S
            heard.told_s[number] = heard.counts.delay_seconds
        if loop.time() > seconds:
            break
    return heard


@pytest.mark.parametrize("red", [True, False], ids=["red", "plain"])
def test_at_5_per_cent_loss_little_is_missing_and_the_delay_is_short(red: bool) -> None:
    heard = spoken(lambda now_s: 0.05, 20, red)
    assert np.percentile(heard.of(2, 20), 95) <= 0.120
    assert heard.counts.missing_samples <= 0.01 * 20 * RATE_HZ
    assert heard.counts.late + heard.counts.overflowed <= 0.005 * heard.counts.came


def test_without_red_and_nack_the_delay_is_as_before() -> None:
    heard = spoken(lambda now_s: 0.05, 20, answers=False)
    assert np.percentile(heard.of(2, 20), 95) <= MIN_TARGET_S + 2 * TICK_S
    assert heard.counts.missing_samples <= 0.06 * 20 * RATE_HZ


@pytest.mark.parametrize("share", [0.05, 0.1])
def test_five_seconds_after_the_last_loss_the_delay_is_as_before(share: float) -> None:
    heard = spoken(lambda now_s: share if 5 <= now_s < 12 else 0, 25)
    before = max(heard.of(2, 5))
    assert max(heard.of(17, 25)) <= before + TOLERANCE_S


@pytest.mark.parametrize("share", [0.001, -0.001], ids=["slow", "fast"])
def test_a_drifting_clock_adds_no_delay_and_no_gaps(share: float) -> None:
    """60 ms in the whole minute: as much as three packets."""
    heard = spoken(lambda now_s: 0, 55, tick_s=TICK_S * (1 + share))
    assert max(heard.of(45, 55)) <= max(heard.of(2, 5)) + TOLERANCE_S
    assert heard.counts.missing_samples <= 2 * SAMPLES_PER_TICK


def test_the_reported_delay_is_the_actual_one() -> None:
    """To a tick: what is left of an earlier packet is heard before the one that is looked at."""
    heard = spoken(lambda now_s: 0.05, 20)
    for number, told_s in heard.told_s.items():
        assert told_s == pytest.approx(heard.delays_s[number], abs=TICK_S + 0.006)
    assert max(heard.told_s.values()) > min(heard.told_s.values()) + 0.02
