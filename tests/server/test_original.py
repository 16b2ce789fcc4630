"""The floor through a whole server: if possible, listeners get the speaker's own packets."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from server.app import Server
from server.client import participants as client
from server.client.arrivals import Arrivals
from server.client.participants import Listener, Speaker
from server.media.opus import RATE_HZ, SAMPLES_PER_TICK, OpusEncoder, Pcm
from signaling.messages import ListenerAudio, SpeakerAudio
from tests.helpers.running import STAND_IN, power, tolk, tone
from tests.helpers.waiting import until

#: A tone that rises a little, so that all packets are different.
SPOKEN = np.sin(2 * np.pi * np.cumsum(np.linspace(290, 310, 3 * RATE_HZ // 2)) / RATE_HZ)
SPOKEN = (8000 * SPOKEN).astype(np.int16)
#: Opus packets of silence are smaller.
SILENT_BYTES = 40


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with tolk(tmp_path, STAND_IN) as running:
        yield running


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The packets that a speaker sends, without those of silence."""
    packets = list[bytes]()

    class Encoder(OpusEncoder):
        def encode(self, pcm: Pcm) -> bytes:
            packet = super().encode(pcm)
            if pcm.any():
                packets.append(packet)
            return packet

    monkeypatch.setattr(client, "OpusEncoder", Encoder)
    return packets


def own(arrivals: Arrivals, spoken: list[bytes]) -> list[int]:
    """The numbers of the speaker's packets that arrived, in order of arrival."""
    number = {packet: index for index, packet in enumerate(spoken)}
    return [number[payload] for _, payload in arrivals.payloads if payload in number]


def in_order(arrivals: Arrivals) -> bool:
    steps = np.diff(arrivals.timestamps)
    whole = (steps > 0).all() and (steps % SAMPLES_PER_TICK == 0).all()
    return bool(whole and (np.diff(arrivals.sequences) == 1).all())


@pytest.mark.parametrize("audio", ["webrtc", "socket"])
async def test_the_floor_is_the_speakers_own_packets(
    server: Server, spoken: list[bytes], audio: ListenerAudio
) -> None:
    async with (
        Listener(server.url, "hall", "floor", audio=audio, keep_sound=True) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        await speaker.play(SPOKEN)
        await until(lambda: len(own(listener.arrivals, spoken)) > 60)
    came = own(listener.arrivals, spoken)
    assert came == sorted(set(came))
    assert server.metrics.playout_counts.forwarded >= len(came)
    assert in_order(listener.arrivals)
    assert power(listener.arrivals.sound(), 300) > 0.8


async def test_data_hidden_in_packets_reaches_nobody(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opus allows padding with any content. The sound is still heard."""
    hidden = b"anything at all"

    class Padding(OpusEncoder):
        def encode(self, pcm: Pcm) -> bytes:
            toc, *frame = super().encode(pcm)
            padded, one_frame = 0x40, 1
            return bytes([toc | 3, padded | one_frame, len(hidden), *frame]) + hidden

    monkeypatch.setattr(client, "OpusEncoder", Padding)
    async with (
        Listener(server.url, "hall", "floor", keep_sound=True) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        await speaker.play(SPOKEN)
    assert server.metrics.playout_counts.forwarded == 0
    assert not any(hidden in payload for _, payload in listener.arrivals.payloads)
    assert power(listener.arrivals.sound(), 300) > 0.8


async def test_under_an_interpretation_the_floor_is_encoded(
    server: Server, spoken: list[bytes]
) -> None:
    async with (
        Listener(server.url, "hall", "en+floor", keep_sound=True) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        await speaker.play(SPOKEN)
    assert not own(listener.arrivals, spoken)
    assert server.metrics.playout_counts.forwarded == 0


async def test_speakers_with_and_without_packets_to_forward_may_follow_each_other(
    server: Server, spoken: list[bytes]
) -> None:
    """For the listener it is one stream of packets."""
    async with Listener(server.url, "hall", "floor", keep_sound=True) as listener:
        ways: list[tuple[SpeakerAudio, int]] = [("webrtc", 300), ("socket", 700), ("webrtc", 1100)]
        for audio, frequency_hz in ways:
            async with Speaker(server.url, "hall", "nl", audio=audio) as speaker:
                await speaker.play(tone(frequency_hz, 1.0, silence_s=0.1))
    assert server.metrics.playout_counts.forwarded > 0
    heard = listener.arrivals.sound()
    for frequency_hz in (300, 700, 1100):
        assert power(heard, frequency_hz) > 0.15
    assert in_order(listener.arrivals)


async def test_in_silence_the_floor_is_not_sent(server: Server, spoken: list[bytes]) -> None:
    async with (
        Listener(server.url, "hall", "floor", keep_sound=True) as listener,
        Speaker(server.url, "hall", "nl") as speaker,
    ):
        await speaker.play(tone(300, 1.0, silence_s=3.0))
        await speaker.play(tone(300, 0.5, silence_s=0.3))
    timestamps = listener.arrivals.timestamps
    assert np.diff(timestamps).max() >= 0.6 * RATE_HZ
    sounds = [len(payload) > SILENT_BYTES for _, payload in listener.arrivals.payloads]
    first, last = np.flatnonzero(sounds)[[0, -1]]
    pause = np.diff(np.flatnonzero(sounds)[np.flatnonzero(sounds) <= last]).max()
    assert pause <= 60  # of 150 packets in three seconds
    assert in_order(listener.arrivals)
