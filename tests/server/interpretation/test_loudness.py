"""Measured again by FFmpeg's own filter."""

import av
import numpy as np
import pytest

from server.interpretation.joins import tapered
from server.interpretation.loudness import PEAK, TARGET_LUFS, Leveller, loudness
from server.interpretation.piper_synthesizer import PiperSynthesizer
from server.interpretation.types import Pcm
from server.models.catalogue import Catalogue
from tests.helpers.starter import Clip, demo_clip

RATE_HZ = 22_050
SENTENCES = {
    "en": [
        "The museum is closed on Monday.",
        "Good morning, everyone.",
        "Please keep your ticket with you, because you need it on the way out.",
        "And then we will see the old harbour on the left.",
        "Let us pray.",
    ],
    "nl": [
        "Het museum is op maandag gesloten.",
        "Goedemorgen allemaal.",
        "Bewaar uw kaartje, want u hebt het nodig bij de uitgang.",
        "En dan zien we links de oude haven.",
        "vanwege de regen",
    ],
}


def ebur128(pcm: Pcm, rate_hz: int) -> float:
    """Integrated loudness in LUFS by FFmpeg."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=rate_hz, format="s16", layout="mono")
    meter = graph.add("ebur128", "metadata=1:framelog=quiet")
    sink = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = rate_hz
    graph.push(frame)
    graph.push(None)
    told = ""
    while True:
        try:
            told = graph.pull().metadata.get("lavfi.r128.I", told)
        except (av.BlockingIOError, av.EOFError):
            return float(told)


def noise(rms: float, seconds: float) -> Pcm:
    samples = np.random.default_rng(3).normal(0, rms, round(seconds * RATE_HZ))
    return samples.astype(np.int16)


def test_a_full_tone_is_3_db_below_full_scale() -> None:
    """As BS.1770-4 says of 997 Hz in one channel."""
    tone = 32_767 * np.sin(2 * np.pi * 997 * np.arange(3 * 48_000) / 48_000)
    assert loudness(tone.astype(np.int16), 48_000) == pytest.approx(-3.01, abs=0.05)


def test_speech_and_noise_measure_as_ffmpeg_measures_them(demo: Clip) -> None:
    for pcm, rate_hz in (
        (demo.pcm, 16_000),
        (demo_clip("en").pcm, 16_000),
        (noise(500, 5), RATE_HZ),
        (np.concatenate((noise(50, 5), noise(2000, 2))), RATE_HZ),  # the first is gated
    ):
        assert loudness(pcm, rate_hz) == pytest.approx(ebur128(pcm, rate_hz), abs=0.2)


@pytest.mark.parametrize("language", ["en", "nl"])
def test_all_clauses_of_a_voice_are_equally_loud(starter: Catalogue, language: str) -> None:
    voice = PiperSynthesizer(starter.path(starter.voices[language]), language)
    leveller = Leveller()
    for scale in (0.93, 0.7):
        for text in SENTENCES[language]:
            said = tapered(voice.synthesize(text, scale), voice.rate_hz)
            level = ebur128(leveller.levelled(said, voice.rate_hz), voice.rate_hz)
            assert level == pytest.approx(TARGET_LUFS, abs=1), text


def test_a_part_too_short_to_measure_gets_the_previous_gain() -> None:
    leveller = Leveller()
    long, short = noise(300, 2), noise(300, 0.3)
    raised = leveller.levelled(long, RATE_HZ)
    gain = np.std(raised) / np.std(long)
    assert gain > 1.5
    assert np.std(leveller.levelled(short, RATE_HZ)) / np.std(short) == pytest.approx(gain, 0.05)


def test_levelling_never_clips() -> None:
    clicks = np.zeros(2 * RATE_HZ, np.int16)
    clicks[::2000] = 20_000
    assert np.abs(Leveller().levelled(clicks, RATE_HZ)).max() == pytest.approx(PEAK, abs=1)


def test_silence_stays_silence() -> None:
    assert not Leveller().levelled(np.zeros(RATE_HZ, np.int16), RATE_HZ).any()
    assert not len(Leveller().levelled(np.zeros(0, np.int16), RATE_HZ))
