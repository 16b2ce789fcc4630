"""Silero VAD on what people and synthesizers say, and on what nobody says."""

import numpy as np
import pytest

from server.bus.messages import RATE_HZ
from server.interpretation.silero_detector import SileroDetector
from server.interpretation.types import Pcm
from tests.helpers.starter import Clip

CHUNK = RATE_HZ // 10


def quiet_s(pcm: Pcm) -> list[float]:
    """For how long nobody had spoken, every 100 ms."""
    detector = SileroDetector()
    return [
        detector.quiet_samples(pcm[start : start + CHUNK]) / RATE_HZ
        for start in range(0, len(pcm), CHUNK)
    ]


@pytest.mark.parametrize("gain", [1.0, 0.1])
def test_speech_is_no_silence_and_the_silence_after_it_is(demo: Clip, gain: float) -> None:
    speech = (demo.pcm[: 5 * RATE_HZ] * gain).astype(np.int16)
    found = quiet_s(np.concatenate((speech, np.zeros(RATE_HZ, np.int16))))
    assert np.mean([each < 0.15 for each in found[5:50]]) > 0.7
    assert found[-1] == pytest.approx(1.0, abs=0.35)


@pytest.mark.parametrize("kind", ["silence", "noise", "hum"])
def test_where_nobody_speaks_it_stays_quiet(kind: str) -> None:
    samples = 10 * RATE_HZ
    pcm = {
        "silence": np.zeros(samples),
        "noise": np.random.default_rng(1).normal(0, 1000, samples),
        "hum": 3000 * np.sin(2 * np.pi * 50 * np.arange(samples) / RATE_HZ),
    }[kind]
    assert quiet_s(pcm.astype(np.int16))[-1] > 9


def test_windows_need_not_fit_what_comes() -> None:
    detector = SileroDetector()
    heard = [detector.quiet_samples(np.zeros(300, np.int16)) for _ in range(100)]
    assert heard == sorted(heard)
    assert heard[-1] in range(30_000 - 512, 30_001)
