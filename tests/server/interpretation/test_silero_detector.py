"""Silero VAD on what people and synthesizers say, and on what nobody says."""

import numpy as np
import pytest

from server.bus.messages import RATE_HZ
from server.interpretation.silero_detector import SileroDetector
from server.interpretation.types import Pcm
from tests.helpers.starter import Clip


def share_of_speech(pcm: Pcm) -> float:
    """Of the windows in ``pcm``."""
    return float(np.mean([each >= 0.5 for each in SileroDetector().speech(pcm)]))


@pytest.mark.parametrize("gain", [1.0, 0.1])
def test_speech_is_detected_and_the_silence_after_it_is_not(demo: Clip, gain: float) -> None:
    speech = (demo.pcm[RATE_HZ // 2 : 5 * RATE_HZ] * gain).astype(np.int16)
    found = SileroDetector().speech(np.concatenate((speech, np.zeros(RATE_HZ, np.int16))))
    windows = len(speech) // SileroDetector.window_samples
    assert np.mean(np.array(found[:windows]) >= 0.5) > 0.7
    assert max(found[-20:]) < 0.4


@pytest.mark.parametrize("kind", ["silence", "noise", "hum"])
def test_sounds_without_speech_are_not_detected_as_speech(kind: str) -> None:
    samples = 10 * RATE_HZ
    pcm = {
        "silence": np.zeros(samples),
        "noise": np.random.default_rng(1).normal(0, 1000, samples),
        "hum": 3000 * np.sin(2 * np.pi * 50 * np.arange(samples) / RATE_HZ),
    }[kind]
    assert share_of_speech(pcm.astype(np.int16)) == 0


def test_chunks_need_not_be_whole_windows(demo: Clip) -> None:
    pcm = demo.pcm[: 30 * 1000]
    detector = SileroDetector()
    bit_by_bit = [each for part in np.split(pcm, 100) for each in detector.speech(part)]
    assert bit_by_bit == pytest.approx(SileroDetector().speech(pcm))
