import asyncio
from collections import Counter

import numpy as np
import pytest

from server.media.forwarding import (
    MAX_BYTES,
    MIN_BYTES,
    PAUSE_TICKS,
    Forwarding,
    can_be_forwarded,
)
from server.media.jitter import JitterBuffer
from server.media.libopus import ConcealingDecoder, OpusError, packet_samples
from server.media.opus import SAMPLES_PER_TICK, TICK_S, OpusEncoder, Pcm
from server.media.red import packed
from server.media.rtp import Rtp
from server.media.uplink import Uplink, _Player
from tests.helpers.webrtc import tone

OPUS, RED = 111, 63
LOUD = tone(440, 0.02)
NOTHING: Pcm = np.zeros(SAMPLES_PER_TICK, np.int16)
HISS = np.random.default_rng(1).normal(0, 100, SAMPLES_PER_TICK).astype(np.int16)
PACKET = OpusEncoder().encode(LOUD)

Tick = tuple[Pcm, bytes | None]


def forwarded(ticks: list[Tick]) -> list[bool]:
    forwarding = Forwarding()
    return [forwarding.choose(*tick) is not None for tick in ticks]


@pytest.mark.parametrize("configuration", range(32))
@pytest.mark.parametrize("stereo", [0, 4], ids=["mono", "stereo"])
def test_only_packets_of_one_20_ms_frame_can_be_forwarded(configuration: int, stereo: int) -> None:
    """By libopus's own word on how long it is."""
    for frames in range(4):
        packet = bytes([configuration << 3 | stereo | frames]) + bytes(40)
        try:
            fits = frames == 0 and packet_samples(packet) == SAMPLES_PER_TICK
        except OpusError:
            fits = False
        assert can_be_forwarded(packet) == fits


@pytest.mark.parametrize("size", [0, 1, MIN_BYTES - 1, MAX_BYTES + 1, 1276, 2000])
def test_packets_that_are_too_short_or_too_long_cannot_be_forwarded(size: int) -> None:
    assert can_be_forwarded(PACKET[:1] + bytes(MIN_BYTES - 1))
    assert can_be_forwarded(PACKET[:1] + bytes(MAX_BYTES - 1))
    assert not can_be_forwarded((PACKET[:1] + bytes(2000))[:size])


def test_every_forwarded_packet_can_be_decoded() -> None:
    rng, decoder = np.random.default_rng(7), ConcealingDecoder()
    taken = 0
    for size in rng.integers(0, MAX_BYTES + 20, 3000):
        packet = rng.bytes(int(size))
        if can_be_forwarded(packet):
            assert decoder.decode(packet).size == SAMPLES_PER_TICK
            taken += 1
    assert taken > 100


def test_the_speech_of_a_browser_can_be_forwarded() -> None:
    """At the bit rate that speakers are asked for, with copies against loss."""
    encoder = OpusEncoder(bit_rate=40_000, expected_loss=20, complexity=10)
    rng = np.random.default_rng(2)
    for level in rng.uniform(0, 12_000, 300):  # as little like itself as sound can be
        sound = rng.normal(0, level, SAMPLES_PER_TICK).clip(-32768, 32767).astype(np.int16)
        packet = encoder.encode(sound)
        assert can_be_forwarded(packet)
        assert len(packet) <= MAX_BYTES / 2


def test_packets_are_forwarded_unchanged() -> None:
    assert Forwarding().choose(LOUD, PACKET) is PACKET


def test_other_packets_are_encoded() -> None:
    ticks: list[Tick] = [(LOUD, PACKET), (LOUD, b"\x03hostile"), (LOUD, None), (LOUD, PACKET)]
    assert forwarded(ticks) == [True, False, False, True]


@pytest.mark.parametrize("pause", [NOTHING, HISS], ids=["nothing", "hiss"])
def test_pauses_are_encoded_so_that_silence_is_not_sent(pause: Pcm) -> None:
    ticks: list[Tick] = [
        (LOUD, PACKET),
        *[(pause, PACKET)] * (2 * PAUSE_TICKS),
        (LOUD, PACKET),
        (pause, PACKET),
    ]
    short = PAUSE_TICKS - 1
    assert forwarded(ticks) == [
        True,
        *[True] * short,
        *[False] * (2 * PAUSE_TICKS - short),
        *[True, True],
    ]


def test_soft_speech_is_forwarded() -> None:
    soft = tone(440, 0.02, peak=500)
    assert all(forwarded([(soft, PACKET)] * 100))


def of_player(pushed: dict[int, float], ticks: int) -> list[int | None]:
    """Which packets are whole, of those ``pushed`` into a jitter buffer, and when, in seconds,
    each came."""
    clock, buffer, player = 0.0, JitterBuffer(), _Player(Counter())
    encoder = OpusEncoder()
    data = {number: encoder.encode(tone(200 + number, 0.02)) for number in sorted(pushed)}
    numbers = {packet: number for number, packet in data.items()}
    told: list[int | None] = []
    for _ in range(ticks):
        for number, at_s in pushed.items():
            if clock - TICK_S < at_s <= clock:
                buffer.push(number * SAMPLES_PER_TICK, SAMPLES_PER_TICK, data[number], clock)
        player.play(buffer, clock)
        told.append(None if player.packet is None else numbers[player.packet])
        clock += TICK_S
    return told


def test_the_jitter_buffer_returns_sound_with_its_packet() -> None:
    told = of_player({number: number * TICK_S for number in range(20)}, 20)
    first = told.index(0)
    assert told == [None] * first + list(range(20 - first))


def test_concealed_sound_has_no_packet() -> None:
    told = of_player({number: number * TICK_S for number in range(20) if number != 9}, 20)
    first = told.index(0)
    expected: list[int | None] = [*range(9), None, *range(10, 20)]
    assert told[first:] == expected[: 20 - first]


def test_packets_keep_their_order_while_delay_is_reduced() -> None:
    """Some come late and at once: for 200 ms sound is made up, then as much is won back."""
    late = {number: max(number, 20) * TICK_S for number in range(10, 20)}
    told = of_player({number: number * TICK_S for number in range(900)} | late, 900)
    came = [number for number in told if number is not None]
    assert came == sorted(set(came))
    assert None in told[10:25]
    won_back = [tick for tick in range(30, 900) if told[tick] is None]
    assert 1 <= len(won_back) <= 15
    assert None not in told[-100:]


async def test_of_red_only_the_packets_own_opus_is_forwarded() -> None:
    uplink = Uplink(opus_type=OPUS, red_type=RED)
    for number in range(10):
        red = packed(OPUS, [(SAMPLES_PER_TICK, b"a copy of before")] if number else [], PACKET)
        uplink.receive_packet(Rtp(RED, number, number * SAMPLES_PER_TICK, 5, red))
    async with asyncio.timeout(5):
        async for sound in uplink.sounds():
            if sound.packet is not None:
                break
    assert sound.packet == PACKET
