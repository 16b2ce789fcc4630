import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from server.media import rtp
from server.media.counts import SocketCounts
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, OpusEncoder, Pcm, joined
from server.media.receive import (
    MAX_AHEAD_S,
    MAX_CHUNK_BYTES,
    MAX_CHUNKS,
    SKIP_QUIET_S,
    SPEECH_RATE_HZ,
    OpusPackets,
    SocketReceiver,
    Sound,
    Timeline,
)
from tests.helpers.webrtc import Client, ScriptedTrack, connected, pitch_hz, tone

TICK = SAMPLES_PER_TICK
LOUD = np.full(TICK, 5000, np.int16)
QUIET = np.full(TICK, 50, np.int16)


def play(timeline: Timeline, script: Sequence[tuple[float, int | None, Pcm]]) -> list[Pcm]:
    """What goes out for each (arrival, timestamp, sound), both in ticks; a timestamp of None
    says that nothing had come for a while."""
    return [
        timeline.idle(at * 0.02) if stamp is None else timeline.place(stamp * TICK, pcm, at * 0.02)
        for at, stamp, pcm in script
    ]


def steady(first: int, last: int, pcm: Pcm = LOUD) -> list[tuple[float, int | None, Pcm]]:
    return [(at, at, pcm) for at in range(first, last)]


def test_sound_in_time_is_not_changed() -> None:
    timeline = Timeline(RATE_HZ)
    assert all(out is LOUD for out in play(timeline, steady(0, 100)))
    assert (
        timeline.counts.filled_seconds
        == timeline.counts.dropped_seconds
        == timeline.counts.restarts
        == 0
    )


@pytest.mark.parametrize("lost", [1, 5, 100])
def test_lost_sound_becomes_silence_of_the_same_length(lost: int) -> None:
    timeline = Timeline(RATE_HZ)
    out = play(timeline, [*steady(0, 10), *steady(10 + lost, 20 + lost)])
    assert out[10].size == (lost + 1) * TICK
    assert not out[10][: lost * TICK].any() and out[10][lost * TICK :].all()
    assert timeline.counts.filled_seconds == pytest.approx(lost * 0.02)


@pytest.mark.parametrize("stamp", [102, 111, 10**6, 9, -5])
def test_a_leap_in_timestamps_starts_anew(stamp: int) -> None:
    leaps = not 0 <= stamp - 10 <= 100
    timeline = Timeline(RATE_HZ)
    play(timeline, steady(0, 10))
    out = play(timeline, [(10, stamp, LOUD), (11, stamp + 1, LOUD)])
    assert joined(out)[-TICK:].all()
    assert timeline.counts.restarts == leaps
    assert timeline.counts.filled_seconds == 0  # no time has passed that could be filled


def test_nothing_is_emitted_before_the_first_sound() -> None:
    timeline = Timeline(RATE_HZ)
    assert timeline.idle(100.0).size == 0
    assert timeline.place(0, LOUD, 200.0) is LOUD


def test_without_sound_time_goes_on() -> None:
    timeline = Timeline(RATE_HZ)
    out = play(timeline, [*steady(0, 10), (20, None, LOUD), (30, None, LOUD)])
    assert [each.size for each in out[10:]] == [10 * TICK, 10 * TICK]
    back = play(timeline, steady(35, 40))
    assert joined(back).size == 10 * TICK  # the 5 ticks nobody had filled yet, and 5 of sound
    assert timeline.counts.restarts == 0


def test_late_sound_is_played_and_the_delay_reduced_in_quiet_moments() -> None:
    timeline = Timeline(RATE_HZ)
    stalled = [*steady(0, 50), (60, None, LOUD), (70, None, LOUD)]
    burst: list[tuple[float, int | None, Pcm]] = [(75, stamp, LOUD) for stamp in range(50, 75)]
    out = play(timeline, [*stalled, *burst, *steady(75, 100), *steady(100, 150, QUIET)])
    sound = joined(out)
    assert np.count_nonzero(sound == LOUD[0]) == 100 * TICK  # every loud sample, once
    assert sound.size == pytest.approx((150 + SKIP_QUIET_S * 50) * TICK, abs=2 * TICK)


def test_sound_that_runs_far_ahead_of_time_is_dropped() -> None:
    timeline = Timeline(RATE_HZ)
    out = joined([timeline.place(stamp * TICK, LOUD, 0.0) for stamp in range(200)])
    assert out.size == pytest.approx(MAX_AHEAD_S * RATE_HZ, abs=2 * TICK)
    assert timeline.counts.dropped_seconds == pytest.approx(2.0, abs=0.05)


def test_as_much_sound_goes_out_as_time_passes() -> None:
    random = np.random.default_rng(7)
    timeline, out, now = Timeline(RATE_HZ), 0, 0.0
    for stamp in range(3000):
        now = max(now, stamp * 0.02 + float(random.exponential(0.01)))
        if random.random() > 0.1:
            out += timeline.place(stamp * TICK, LOUD, now).size
    assert out / RATE_HZ == pytest.approx(60.0, abs=0.2)


async def test_a_tone_sent_by_webrtc_arrives_with_its_silences() -> None:
    sent = [*range(40), *range(60, 110)]
    client = Client("sendonly", ScriptedTrack(tone(440, 2.2), sent))
    heard: list[Sound] = []
    async with connected(client, receive=True) as peer, asyncio.timeout(10):
        async for sound in peer.sounds():
            heard.append(sound)
            if sum(each.pcm48.size for each in heard) >= 2 * RATE_HZ:
                break
    pcm = joined([sound.pcm48 for sound in heard])
    loud = np.abs(pcm.astype(np.int32)) > 0
    silent_s = np.diff(np.flatnonzero(loud)).max() / RATE_HZ
    assert silent_s == pytest.approx(0.4, abs=0.25)
    assert pitch_hz(pcm[: RATE_HZ // 2]) == pytest.approx(440, abs=3)
    assert pitch_hz(pcm[-RATE_HZ // 2 :]) == pytest.approx(440, abs=3)


def as_bytes(pcm: Pcm) -> bytes:
    return pcm.astype("<i2").tobytes()


async def test_sound_on_a_socket_goes_out_at_both_rates() -> None:
    receiver = SocketReceiver()
    sound = tone(440, 1.0, rate_hz=SPEECH_RATE_HZ)
    for piece in np.split(sound, 10):
        receiver.push(as_bytes(piece))
    receiver.close()
    sounds = [each async for each in receiver]
    assert np.array_equal(joined([each.pcm16 for each in sounds]), sound)
    pcm48 = joined([each.pcm48 for each in sounds])
    assert pcm48.size == pytest.approx(RATE_HZ, abs=RATE_HZ / 1000)
    assert pitch_hz(pcm48) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("data", [b"1", b"123", bytes(MAX_CHUNK_BYTES + 2)])
def test_a_chunk_of_half_samples_or_too_many_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=f"{len(data)} bytes"):
        SocketReceiver().push(data)


async def test_a_sender_that_floods_the_socket_loses_its_oldest_sound() -> None:
    receiver = SocketReceiver()
    for number in range(MAX_CHUNKS + 3):
        receiver.push(as_bytes(np.full(160, 1000 + number, np.int16)))
    receiver.close()
    heard = [int(each.pcm16[0]) async for each in receiver]
    assert heard == list(range(1003, 1003 + MAX_CHUNKS))
    assert receiver.counts.dropped_seconds == pytest.approx(0.03)


async def test_a_file_sent_at_once_does_not_outrun_the_clock() -> None:
    receiver = SocketReceiver(clock=lambda: 0.0)
    second = as_bytes(tone(440, 1.0, rate_hz=SPEECH_RATE_HZ))
    for _ in range(10):
        receiver.push(second)
    receiver.close()
    heard = sum([each.pcm16.size async for each in receiver]) / SPEECH_RATE_HZ
    assert heard <= MAX_AHEAD_S + 1
    assert receiver.counts.dropped_seconds == pytest.approx(10 - heard)


def opus(pcm: Pcm) -> list[bytes]:
    encoder = OpusEncoder()
    return [encoder.encode(piece) for piece in pcm.reshape(-1, TICK)]


async def test_opus_on_a_socket_goes_out_at_both_rates() -> None:
    receiver = SocketReceiver(OpusPackets())
    for number, packet in enumerate(opus(tone(440, 1.0))):
        # A page's timestamps begin anywhere, and may pass the counter's end.
        receiver.push(rtp.packed(number, 2**32 - 10 * TICK + number * TICK, packet))
    receiver.close()
    sounds = [each async for each in receiver]
    assert pitch_hz(joined([each.pcm48 for each in sounds])) == pytest.approx(440, abs=2)
    pcm16 = joined([each.pcm16 for each in sounds])
    assert pcm16.size == pytest.approx(SPEECH_RATE_HZ, abs=SPEECH_RATE_HZ / 1000)
    assert receiver.counts == SocketCounts()


async def test_packets_left_out_by_a_page_are_silence() -> None:
    now = 0.0
    receiver = SocketReceiver(OpusPackets(), clock=lambda: now)
    packets = opus(tone(440, 1.0))
    sounds = []
    for number in (*range(10), *range(30, 50)):
        now = number * TICK / RATE_HZ
        receiver.push(rtp.packed(number, number * TICK, packets[number]))
        sounds.append(await anext(receiver))
    pcm = joined([each.pcm48 for each in sounds])
    assert pcm.size == 50 * TICK
    assert not pcm[10 * TICK : 30 * TICK].any()


@pytest.mark.parametrize("data", [b"", bytes(13), rtp.packed(1, 0, b""), rtp.packed(1, 0, b"\xff")])
def test_invalid_opus_packets_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no RTP packet|not Opus"):
        SocketReceiver(OpusPackets()).push(data)


async def test_long_chunks_are_not_padded_with_silence() -> None:
    receiver = SocketReceiver()
    receiver.push(as_bytes(tone(440, 1.0, rate_hz=SPEECH_RATE_HZ)))
    async with asyncio.timeout(5):
        await anext(receiver)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await anext(receiver)
    assert receiver.counts.filled_seconds == 0
