import asyncio

import numpy as np
import pytest

from server.media.broadcast import MediaStreamError, SubscriberTrack
from server.media.libopus import ChannelEncoder, ConcealingDecoder
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, OpusEncoder, Pcm, joined
from server.media.playout import (
    FULL_SCALE,
    INSTEAD_GAIN,
    KNEE,
    UNDER_GAIN,
    StreamPlayout,
    mix,
    soft_limited,
)
from tests.helpers.webrtc import tick_of, tone

TICK = SAMPLES_PER_TICK
FLOOR_HZ, SPEECH_HZ = 300, 1100


class CountingEncoder(ChannelEncoder):
    calls = 0

    def encode(self, pcm: Pcm) -> bytes:
        CountingEncoder.calls += 1
        return super().encode(pcm)


class FailingOnce(ChannelEncoder):
    failures = 0

    def encode(self, pcm: Pcm) -> bytes:
        if FailingOnce.failures:
            FailingOnce.failures -= 1
            raise ZeroDivisionError
        return super().encode(pcm)


def level(pcm: Pcm, frequency_hz: float) -> float:
    """The peak level of a tone in ``pcm``."""
    phase = np.arange(pcm.size) * (2j * np.pi * frequency_hz / RATE_HZ)
    return float(2 * np.abs(np.mean(pcm * np.exp(-phase))))


class Listener:
    """The only listener of a channel, while the playout ticks. The floor is a steady tone."""

    def __init__(self, playout: StreamPlayout, channel: str) -> None:
        self._playout = playout
        self._tick = 0
        self._decoder = ConcealingDecoder()
        self._track = SubscriberTrack(playout.channel(channel))
        self._floor = tone(FLOOR_HZ, 20.0)

    async def hear(self, ticks: int) -> Pcm:
        """The sound of the next ticks of the channel."""
        heard = []
        for _ in range(ticks):
            self._playout.floor.push(self._floor[self._tick * TICK :][:TICK])
            sent = self._playout.counts.sent
            self._playout.tick(self._tick)
            self._tick += 1
            if self._playout.counts.sent > sent:
                heard.append(self._decoder.decode(bytes(await self._track.recv())))
            else:
                heard.append(self._decoder.conceal(TICK))
        return joined(heard)


def speak(playout: StreamPlayout, seconds: float = 10.0) -> None:
    playout.speak("en", 1, tone(SPEECH_HZ, seconds), RATE_HZ, 0, True)


async def levels(playout: StreamPlayout, channel: str) -> tuple[float, float]:
    """The levels of floor and speech in a channel, after fades have ended."""
    heard = (await Listener(playout, channel).hear(100))[RATE_HZ:]
    return level(heard, FLOOR_HZ), level(heard, SPEECH_HZ)


@pytest.mark.parametrize(
    ("channel", "floor_gain", "speech_gain"),
    [("floor", 1, 0), ("en", 0, 1), ("en+floor", UNDER_GAIN, 1), ("de", INSTEAD_GAIN, 0)],
)
async def test_channels_play_the_floor_the_language_or_a_mix(
    channel: str, floor_gain: float, speech_gain: float
) -> None:
    playout = StreamPlayout()
    playout.set_status("en", "live")
    speak(playout)
    floor, speech = await levels(playout, channel)
    assert floor == pytest.approx(8000 * floor_gain, rel=0.15, abs=100)
    assert speech == pytest.approx(8000 * speech_gain, rel=0.15, abs=100)


@pytest.mark.parametrize("status", ["starting", "fallback"])
@pytest.mark.parametrize("channel", ["en", "en+floor"])
async def test_a_language_that_is_not_live_plays_the_quiet_floor(channel: str, status: str) -> None:
    playout = StreamPlayout()
    playout.set_status("en", status)  # type: ignore[arg-type]
    floor, speech = await levels(playout, channel)
    assert floor == pytest.approx(8000 * INSTEAD_GAIN, rel=0.15)
    assert speech < 100


async def test_a_change_of_status_fades() -> None:
    """No step between samples is larger than the tone itself makes."""
    steady = np.full(TICK, 8000, np.int16)
    fading = mix(None, steady, INSTEAD_GAIN, 0)
    assert fading[0] == pytest.approx(8000 * INSTEAD_GAIN, abs=1)
    assert fading[-1] == 0
    assert np.abs(np.diff(fading)).max() <= 3


async def test_a_listener_of_a_failing_language_hears_the_floor_within_two_ticks() -> None:
    playout = StreamPlayout()
    playout.set_status("en", "live")
    listener = Listener(playout, "en")
    assert level((await listener.hear(50))[RATE_HZ // 2 :], FLOOR_HZ) < 100
    playout.set_status("en", "fallback")
    await listener.hear(2)
    # After silence a decoder fades in, and a pure tone, predicted from itself, for long.
    assert level(await listener.hear(20), FLOOR_HZ) > 0.5 * 8000 * INSTEAD_GAIN
    assert level(await listener.hear(50), FLOOR_HZ) == pytest.approx(8000 * INSTEAD_GAIN, rel=0.15)


def test_a_loud_mix_is_limited_softly() -> None:
    loud = np.linspace(-60_000, 60_000, TICK, dtype=np.float32)
    limited = soft_limited(loud).astype(np.int32)
    assert limited[-1] == -limited[0] == pytest.approx(FULL_SCALE, abs=10)
    assert (np.diff(limited) >= 0).all()
    below = np.abs(loud) < KNEE
    assert np.array_equal(limited[below], np.rint(loud[below]))


async def test_a_channel_is_encoded_once_however_many_listen() -> None:
    playout = StreamPlayout(new_encoder=CountingEncoder)
    tracks = [SubscriberTrack(playout.channel("en")) for _ in range(30)]
    CountingEncoder.calls = 0
    playout.tick(0)
    assert CountingEncoder.calls == 1
    packets = [await track.recv() for track in tracks]
    assert all(packet is packets[0] for packet in packets)


def test_only_open_channels_are_encoded() -> None:
    playout = StreamPlayout(new_encoder=CountingEncoder)
    playout.channel("floor")
    playout.channel("en")
    playout.close_channel("en")
    CountingEncoder.calls = 0
    playout.tick(0)
    assert CountingEncoder.calls == 1
    assert list(playout.channels) == ["floor"]


async def test_a_channel_that_fails_goes_on_and_silences_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    playout = StreamPlayout(new_encoder=FailingOnce)
    failed, other = (SubscriberTrack(playout.channel(name)) for name in ("en", "floor"))
    FailingOnce.failures = 1
    for tick in range(1, 5):
        playout.tick(tick)
    assert [await tick_of(other) for _ in range(4)] == [1, 2, 3, 4]
    assert [await tick_of(failed) for _ in range(3)] == [2, 3, 4]
    assert playout.counts.failed == 1
    assert "ZeroDivisionError" in caplog.text


async def test_all_channels_tick_on_one_clock() -> None:
    playout = StreamPlayout()
    tracks = [SubscriberTrack(playout.channel(name)) for name in ("floor", "en", "en+floor")]
    for tick in (3, 4, 9):
        playout.tick(tick)
    for track in tracks:
        assert [await tick_of(track) for _ in range(3)] == [3, 4, 9]


def test_the_beginning_of_a_clause_is_reported() -> None:
    started: list[tuple[str, int, int]] = []
    playout = StreamPlayout(on_start=lambda *start: started.append(start))
    playout.speak("en", 4, np.ones(TICK, np.int16), RATE_HZ, 2, True)
    playout.speak("de", 5, np.ones(TICK, np.int16), RATE_HZ, 0, True)
    for tick in range(4):
        playout.tick(tick)
    assert started == [("de", 5, 0), ("en", 4, 2)]
    assert playout.backlog_s("en") == 0


def test_each_language_has_its_own_backlog() -> None:
    playout = StreamPlayout()
    playout.speak("en", 1, np.ones(RATE_HZ, np.int16), RATE_HZ, 0, True)
    assert playout.backlog_s("en") == pytest.approx(1.0)
    assert playout.backlog_s("de") == 0


async def floor_of(sound: Pcm, own: range) -> tuple[list[bytes], list[bytes], Pcm]:
    """The packets of a speaker who says ``sound``, those of the floor, and what is heard in it.
    In the ticks of ``own`` the speaker's packets came whole."""
    playout, encoder, decoder = StreamPlayout(), OpusEncoder(), ConcealingDecoder()
    track = SubscriberTrack(playout.channel("floor"))
    spoken, sent, heard = list[bytes](), list[bytes](), list[Pcm]()
    listener = ConcealingDecoder()
    async with asyncio.timeout(10):
        for tick, piece in enumerate(sound.reshape(-1, TICK)):
            spoken.append(encoder.encode(piece))
            whole = spoken[-1] if tick in own else None
            playout.floor.push(decoder.decode(spoken[-1]), whole)
            playout.tick(tick)
            sent.append(bytes(await track.recv()))
            heard.append(listener.decode(sent[-1]))
    forwarded = sum(packet in spoken for packet in sent)
    assert (playout.counts.sent, playout.counts.forwarded) == (len(sent), forwarded)
    return spoken, sent, joined(heard)


#: Until the cushion of the floor is full.
CUSHION_TICKS = 2


async def test_the_floor_is_the_speakers_own_packets_each_in_its_tick() -> None:
    spoken, sent, _ = await floor_of(tone(FLOOR_HZ, 1.0), range(50))
    assert sent[CUSHION_TICKS:] == spoken[:-CUSHION_TICKS]


async def test_the_encoder_continues_after_forwarded_packets() -> None:
    """It does not continue from the sound that it last encoded itself."""
    sound = joined([tone(FLOOR_HZ, 0.4), tone(SPEECH_HZ, 1.6)])
    spoken, sent, heard = await floor_of(sound, range(20, 60))
    steps_in = 60 + CUSHION_TICKS
    assert sent[steps_in - 1] == spoken[59] and sent[steps_in] != spoken[60]
    first = heard[steps_in * TICK :][: TICK // 2]
    assert level(first, SPEECH_HZ) > 6000
    assert level(first, FLOOR_HZ) < 500


async def ticks_of(track: SubscriberTrack, packets: int) -> list[int]:
    """Of the next so many packets."""
    ticks = list[int]()
    async with asyncio.timeout(5):
        while len(ticks) < packets:
            ticks.append(await tick_of(track))
    return ticks


async def test_in_silence_hardly_any_packets_are_made_and_timestamps_go_on() -> None:
    """Also before anybody has spoken, and after."""
    playout = StreamPlayout()
    playout.set_status("en", "live")
    track = SubscriberTrack(playout.channel("en"), queue_packets=1100)
    playout.speak("en", 1, tone(SPEECH_HZ, 1.0), RATE_HZ, 500, True)
    for tick in range(1100):
        playout.tick(tick)
    sent = await ticks_of(track, playout.counts.sent)
    assert sent[0] == 0
    assert set(range(500, 550)) <= set(sent)
    for silence in (range(50, 500), range(600, 1100)):
        assert 1 <= len(set(silence).intersection(sent)) * 50 / len(silence) <= 3
    assert playout.counts.silent == 1100 - len(sent)


async def test_a_listener_new_to_a_silent_channel_gets_a_packet_at_once() -> None:
    playout = StreamPlayout()
    playout.set_status("en", "live")
    first = SubscriberTrack(playout.channel("en"), queue_packets=1000)
    for tick in range(200):
        playout.tick(tick)
    joined_then = SubscriberTrack(playout.channel("en"))
    mover = SubscriberTrack(playout.channel("floor"))
    mover.select(playout.channel("en"))
    playout.tick(200)
    assert await ticks_of(joined_then, 1) == await ticks_of(mover, 1) == [200]
    assert first.dropped == 0


async def test_a_file_gets_every_packet_of_silence_and_other_listeners_do_not() -> None:
    playout = StreamPlayout()
    channel = playout.channel("floor")
    file, page = (SubscriberTrack(channel, 200, gapless=gapless) for gapless in (True, False))
    for tick in range(100):
        playout.tick(tick)
    async with asyncio.timeout(5):
        assert await ticks_of(file, 100) == list(range(100))
    assert playout.counts.sent + playout.counts.silent == 200
    assert playout.counts.silent > 80
    file.select(playout.channel("en"))
    assert channel.publish_silence(100, b"") == 0
    page.stop()


async def test_closing_ends_every_channel() -> None:
    playout = StreamPlayout()
    track = SubscriberTrack(playout.channel("floor"))
    playout.close()
    async with asyncio.timeout(5):
        with pytest.raises(MediaStreamError):
            await track.recv()
